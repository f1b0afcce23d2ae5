"""Dense layers for each point of a set, and a pooling: a classifier, two autoencoders, a generator."""

import inspect
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from diffsort.implementations import ImplementationLike, get_implementation
from diffsort.nnx import FSPool, FSUnpool
from experiments.models.multilayer_perceptron import MultilayerPerceptron


class SetClassifier(nnx.Module):
    """Deep Sets with a pooling of choice.

    Args:
        channels: features of a point.
        num_outputs: numbers to return for a set, as scores of classes.
        num_points: size of the padded sets; not needed here.
        ragged: whether it is called with the points of all sets one after the other, and their sizes.
        pooling: builds the pooling for a number of features: `pooling(num_features, rngs=rngs)`.
        point_widths: layers applied to each point.
        set_widths: hidden layers applied to the pooled set.
        rngs: random streams; "params" is used.

    Raises:
        ValueError: sets are ragged, and the pooling needs padding, or sorts without a permutation.

    Source: M. Zaheer et al., Deep Sets, NeurIPS 2017.
    """

    def __init__(
        self,
        channels: int,
        num_outputs: int,
        num_points: int | None = None,
        *,
        ragged: bool = False,
        pooling: Callable[..., nnx.Module],
        point_widths: Sequence[int],
        set_widths: Sequence[int],
        rngs: nnx.Rngs,
    ) -> None:
        del num_points
        self.encode = _point_network(channels, point_widths, rngs)
        self.pool = pooling(point_widths[-1], rngs=rngs)
        self.classify = MultilayerPerceptron(point_widths[-1], num_outputs, widths=set_widths, rngs=rngs)
        self.ragged = ragged
        if ragged:
            if "segment_ids" not in inspect.signature(type(self.pool).__call__).parameters:
                raise ValueError(f"{type(self.pool).__name__} needs padded sets; write data.ragged=false.")
            if hasattr(self.pool, "implementation"):
                get_implementation(self.pool.implementation).permutation()

    def __call__(self, points: jax.Array, sets: jax.Array) -> jax.Array:
        """Returns outputs (batch, num_outputs).

        Args:
            points: shape (batch, n, channels); where sets are ragged (n, channels), one after the other.
            sets: mask (batch, n); where sets are ragged, how many points each has, int32 (batch,).
        """
        features = self.encode(points)
        if not self.ragged:
            return self.classify(self.pool(features, sets))
        # Those behind the last set get an id that is out of range.
        ids = jnp.searchsorted(jnp.cumsum(sets), jnp.arange(len(points)), side="right")
        return self.classify(self.pool(features, segment_ids=ids, num_segments=len(sets)))


class FSAutoencoder(nnx.Module):
    """FSPool to encode, FSUnpool to decode, which puts each feature back where it was sorted from.

    The decoder has the permutation of the encoder beside the vector, so the loss may compare points by
    their place: no assignment problem.

    Args:
        channels: features of a point.
        num_points: size of the padded sets; not needed here.
        point_widths: layers applied to each point before the pooling, and mirrored after the unpooling.
        num_latents: length of the vector.
        pieces: linear pieces of the weight functions.
        implementation: as in `diffsort.sort`; it must have a permutation.
        rngs: random streams; "params" is used.

    Source: Y. Zhang, J. Hare, A. Prügel-Bennett, FSPool, ICLR 2020, section 4.
    """

    def __init__(
        self,
        channels: int,
        num_points: int,
        *,
        point_widths: Sequence[int],
        num_latents: int,
        pieces: int,
        implementation: ImplementationLike,
        rngs: nnx.Rngs,
    ) -> None:
        del num_points
        self.encode = _point_network(channels, point_widths, rngs)
        width = point_widths[-1]
        self.pool = FSPool(
            width,
            pieces=pieces,
            knots_init=nnx.initializers.normal(0.1),
            reduction="sum",
            implementation=implementation,
            rngs=rngs,
        )
        self.squeeze = nnx.Linear(width, num_latents, rngs=rngs)
        self.expand = MultilayerPerceptron(num_latents, width, widths=[width], rngs=rngs)
        self.unpool = FSUnpool(width, pieces=pieces, rngs=rngs)
        self.decode = MultilayerPerceptron(width, channels, widths=point_widths[::-1], rngs=rngs)

    def __call__(self, points: jax.Array, where: jax.Array) -> jax.Array:
        """Returns points (b, n, channels) for points (b, n, channels) and their mask (b, n)."""
        pooled, indices = self.pool(self.encode(points), where, return_indices=True)
        unpooled = self.unpool(self.expand(self.squeeze(pooled)), indices, where)
        return self.decode(unpooled)


class DenseAutoencoder(nnx.Module):
    """A pooling without order to encode, a dense network that gives all points at once to decode.

    Args:
        channels: features of a point.
        num_points: size of the padded sets.
        point_widths: layers applied to each point before the pooling.
        num_latents: length of the vector.
        set_widths: hidden layers of the decoder.
        rngs: random streams; "params" is used.
    """

    def __init__(
        self,
        channels: int,
        num_points: int,
        *,
        point_widths: Sequence[int],
        num_latents: int,
        set_widths: Sequence[int],
        rngs: nnx.Rngs,
    ) -> None:
        self.encode = _point_network(channels, point_widths, rngs)
        self.squeeze = nnx.Linear(point_widths[-1], num_latents, rngs=rngs)
        self.decode = MultilayerPerceptron(num_latents, num_points * channels, widths=set_widths, rngs=rngs)

    def __call__(self, points: jax.Array, where: jax.Array) -> jax.Array:
        """Returns points (b, n, channels) for points (b, n, channels) and their mask (b, n)."""
        features = self.encode(points)
        greatest = jnp.max(features, -2, where=where[..., None], initial=0.0)
        return self.decode(self.squeeze(greatest)).reshape(points.shape)


class SetGenerator(nnx.Module):
    """A network that takes noise to a point, told the class.

    Points of a set are drawn independently: a set is a sample of a distribution on the plane.

    Args:
        num_latents: dimensions of the noise.
        num_classes: how many classes there are.
        num_outputs: dimensions of a point.
        widths: features of each hidden layer.
        rngs: random streams; "params" is used.
    """

    def __init__(
        self,
        num_latents: int,
        num_classes: int,
        num_outputs: int,
        *,
        widths: Sequence[int],
        rngs: nnx.Rngs,
    ) -> None:
        self.num_classes = num_classes
        self.network = MultilayerPerceptron(num_latents + num_classes, num_outputs, widths=widths, rngs=rngs)

    def __call__(self, noise: jax.Array, labels: jax.Array) -> jax.Array:
        """Returns points (b, n, outputs) for noise (b, n, latents) and labels (b,)."""
        classes = jax.nn.one_hot(labels, self.num_classes)[:, None, :]
        told = jnp.broadcast_to(classes, (*noise.shape[:-1], self.num_classes))
        return self.network(jnp.concatenate([noise, told], -1))


def _point_network(channels: int, widths: Sequence[int], rngs: nnx.Rngs) -> MultilayerPerceptron:
    """The layers applied to each point, the last of which gives the features to pool."""
    if not widths:
        raise ValueError("point_widths=[] must name one layer at least.")
    return MultilayerPerceptron(channels, widths[-1], widths=widths[:-1], rngs=rngs)
