"""Cross-entropy of scores that are scaled."""

import jax
import optax


def tempered_cross_entropy(scores: jax.Array, labels: jax.Array, *, temperature: float) -> jax.Array:
    """Returns the cross-entropy of scores `(b, classes)` times a factor, for labels `(b,)`.

    A 1-Lipschitz network cannot make its scores large by itself.

    Args:
        scores: of the classes.
        labels: class numbers.
        temperature: the factor.

    Source: L. Béthune et al., Pay attention to your loss, NeurIPS 2022.
    """
    return optax.softmax_cross_entropy_with_integer_labels(temperature * scores, labels)
