"""Classification where it is enough that the label is among the k greatest."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import (
    canonical_axis,
    concrete,
    flag,
    floating,
    integer,
    real_array,
    require_positive,
)
from diffsort._sorting import positions
from diffsort.implementations import Chosen, ImplementationLike
from diffsort.losses._samples import without
from diffsort.losses._scores import along_rows
from diffsort.soft_ranks import top_k_mask

__all__ = ["top_k_accuracy", "top_k_cross_entropy"]

_SMALLEST = 1e-7  # probability whose logarithm is taken


def top_k_cross_entropy(
    logits: ArrayLike,
    labels: ArrayLike,
    weights: Sequence[float] = (0.5, 0.0, 0.0, 0.0, 0.5),
    axis: int = -1,
    *,
    softmax: bool = True,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "lapsum",
) -> jax.Array:
    r"""Returns the cross entropy of being among the k greatest, for several k at once.

    $-\log \sum_k w_k \, p_k$ with how far the label is among the k greatest logits, $p_k$, from
    `diffsort.top_k_mask`. With `weights=(1.0,)` it is the cross entropy of the softmax.

    As its authors do, it takes for k = 1 the softmax, whose gradient reaches a label however far it is
    behind, and $10^{-7} + (1 - 2 \cdot 10^{-7}) p$ for the probability p, so that the loss is finite.

    Args:
        logits: floating.
        labels: the class of each example, integers of the shape of `logits` without `axis`, from 0 to n − 1,
            which is checked where they are known. A class that is masked has probability 0.
        weights: $w_1, w_2, \dots$: not negative, in sum 1. The default is half top-1, half top-5.
        axis: the axis of the classes.
        softmax: whether $p_1$ is the softmax; if not, that of `implementation`.
        where: boolean mask, broadcastable to `logits`: the classes there are.
        implementation: a relaxed sort of `diffsort.soft`. Of an exact one only the softmax has a gradient.

    Returns:
        The loss, of the shape of `labels`; 0 where all classes are masked; NaN where a logit is, and of an
        axis of length 0.

    Raises:
        TypeError: `labels` are not integers, `weights` no sequence of Python numbers, or `softmax` is not
            boolean.
        ValueError: `labels` does not have the shape of `logits` without `axis`, or one that is known is no
            class; a weight is negative, they do not sum to 1, or one is of more classes than there are; or
            `implementation` has neither such a mask nor a permutation.

    Source: F. Petersen, H. Kuehne, C. Borgelt, O. Deussen, Differentiable Top-k Classification Learning, ICML
    2022.

    >>> import jax.numpy as jnp
    >>> from diffsort.soft import SoftSort
    >>> logits, label = jnp.array([1., 0.5, 3., -1.]), jnp.array(0)
    >>> for weights in [(1.0,), (0.5, 0.5), (0.0, 1.0)]:
    ...     print(top_k_cross_entropy(logits, label, weights, implementation=SoftSort(0.5)).round(2))
    2.21
    0.87
    0.31
    """
    x, y, axis = _labelled(logits, labels, axis)
    weights = _check_weights(weights, x.shape[axis])
    static = (weights, flag(softmax, "softmax"))
    return along_rows(_top_k_cross_entropy, x, y, axis, where, implementation, *static, name="logits")


def top_k_accuracy(
    logits: ArrayLike,
    labels: ArrayLike,
    k: int = 1,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
) -> jax.Array:
    """Returns 1 where the label is among the k greatest logits, else 0.

    Of equal logits the first is the greatest, as in `diffsort.top_k`. Nothing is sorted.

    Args:
        logits: floating.
        labels: the class of each example, integers of the shape of `logits` without `axis`, from 0 to n − 1,
            which is checked where they are known. A class that is masked is never right.
        k: how many classes count as right.
        axis: the axis of the classes.
        where: boolean mask, broadcastable to `logits`: the classes there are.

    Returns:
        0 or 1, in the dtype of `logits` and the shape of `labels`; NaN where a logit is, and of an axis of
        length 0.

    Raises:
        TypeError: `labels` are not integers, or `k` is no integer.
        ValueError: `labels` does not have the shape of `logits` without `axis`, one that is known is no
            class, or `k` is less than 1.

    >>> import jax.numpy as jnp
    >>> logits, labels = jnp.array([[1., 0.5, 3.], [2., 0., 1.]]), jnp.array([0, 1])
    >>> top_k_accuracy(logits, labels, k=2)
    Array([1., 0.], dtype=float32)
    """
    require_positive(k=k)
    x, y, axis = _labelled(logits, labels, axis)
    return along_rows(_is_among, x, y, axis, where, "manual", integer(k, "k"), name="logits")


def _top_k_cross_entropy(
    x: jax.Array,
    labels: jax.Array,
    where: jax.Array | None,
    chosen: Chosen,
    weights: tuple[float, ...],
    softmax: bool,
) -> jax.Array:
    is_label = positions(x.shape[-1], x.ndim, -1) == labels.astype(jnp.int32)
    probability = jnp.zeros_like(x)
    for k, weight in enumerate(weights, start=1):
        if weight and k == 1 and softmax:
            # A row of which all is masked is one of zeros.
            there = None if where is None else where | ~jnp.any(where, -1, keepdims=True)
            probability += weight * jax.nn.softmax(x, axis=-1, where=there)
        elif weight:
            probability += weight * top_k_mask(x, k, where=where, implementation=chosen)
    found = jnp.sum(jnp.where(is_label, probability, jnp.zeros_like(x)), -1)
    return -jnp.log(_SMALLEST + (1 - 2 * _SMALLEST) * found)


def _is_among(x: jax.Array, labels: jax.Array, where: jax.Array | None, chosen: Chosen, k: int) -> jax.Array:
    del chosen
    place, labels = positions(x.shape[-1], x.ndim, -1), labels.astype(jnp.int32)
    is_label = place == labels
    found = jnp.sum(jnp.where(is_label, x, jnp.zeros_like(x)), -1, keepdims=True)
    is_before = (x > found) | ((x == found) & (place < labels))
    if where is not None:
        is_before, is_label = is_before & where, is_label & where
    is_right = jnp.any(is_label, -1) & (jnp.sum(is_before, -1, dtype=jnp.int32) < k)
    return is_right.astype(x.dtype)


def _labelled(logits: ArrayLike, labels: ArrayLike, axis: int) -> tuple[jax.Array, jax.Array, int]:
    x, y = floating(logits, "logits"), real_array(labels, "labels")
    axis = canonical_axis(axis, x.ndim)
    if not jnp.issubdtype(y.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, not {y.dtype}; use labels.astype(int).")
    if y.shape != without(x.shape, axis):
        raise ValueError(
            f"labels of shape {y.shape} do not fit logits of shape {x.shape}: expected "
            f"{without(x.shape, axis)}, one label for all classes along axis {axis}."
        )
    numbers = concrete(y)
    if numbers is not None and np.any((numbers < 0) | (numbers >= x.shape[axis])) and x.shape[axis]:
        raise ValueError(
            f"labels={numbers} must be from 0 to {x.shape[axis] - 1}, along axis {axis} of logits."
        )
    return x, jnp.expand_dims(y, axis), axis


def _check_weights(weights: Sequence[float], classes: int) -> tuple[float, ...]:
    try:
        found = tuple(float(weight) for weight in weights)
    except (TypeError, ValueError):
        raise TypeError(f"weights must be a sequence of Python numbers, not {weights!r}.") from None
    if not all(weight >= 0 for weight in found) or abs(sum(found) - 1) > 1e-4:
        raise ValueError(f"weights={found} must not be negative, and sum to 1.")
    most = max(k for k, weight in enumerate(found, start=1) if weight)
    if not most <= classes:
        raise ValueError(
            f"weights has one for k={most}, which is not between 1 and {classes}, the number of classes."
        )
    return found
