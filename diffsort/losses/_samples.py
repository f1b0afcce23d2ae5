"""Samples: the elements of predictions or targets, and how much each of them counts."""

import functools
from collections.abc import Callable, Hashable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import broadcast_like, canonical_axis, check_non_negative, floating, mask_like
from diffsort._precision import computing_dtype
from diffsort._sharding import unshard
from diffsort._sorting import zero_masked
from diffsort.implementations import Chosen, ImplementationLike, get_implementation


class Sample(NamedTuple):
    """Elements along one axis, the last one once they are compared.

    Attributes:
        values: floating.
        weights: None or non-negative, one for each element.
        where: None or boolean, one for each element.
    """

    values: jax.Array
    weights: jax.Array | None
    where: jax.Array | None

    @property
    def is_plain(self) -> bool:
        """Whether each element counts, and all the same."""
        return self.weights is None and self.where is None

    def masses(self) -> jax.Array:
        """Returns how much each element counts: 0 if it is masked, else 1, or its weight by the sum of all.

        Masses of 1 add up without rounding, which 1/n would not.
        """
        dtype = computing_dtype(self.values.dtype)
        mass = jnp.ones_like(self.values, dtype) if self.weights is None else self.weights.astype(dtype)
        if self.where is not None:
            mass = jnp.where(self.where, mass, jnp.zeros_like(mass))
        if self.weights is None:
            return mass
        total = jnp.sum(mass, -1, keepdims=True)
        return mass / jnp.where(total == 0, jnp.ones_like(total), total)


def sample(
    values: jax.Array,
    like: jax.Array,
    weights: ArrayLike | None,
    where: ArrayLike | None,
    prefix: str = "",
) -> Sample:
    """Returns a sample whose weights and mask are checked, and broadcast to the shape of `like`.

    Args:
        values: the elements.
        like: an array with one entry for each element.
        weights: as given, or None.
        where: as given, or None.
        prefix: stands before "weights" and "where" in the names of those arguments.

    Raises:
        TypeError: `weights` is not floating, or `where` not boolean.
        ValueError: one of them does not broadcast to that shape, or a weight that is known is negative.
    """
    if weights is not None:
        name = f"{prefix}weights"
        check_non_negative(weights, name)
        weights = broadcast_like(floating(weights, name), like, name)
    if where is None:
        return Sample(values, weights, None)
    mask = mask_like(where, like, f"{prefix}where")
    # At once, so that what is masked is kept for no backward pass.
    weights = None if weights is None else zero_masked(weights, mask)
    return Sample(
        zero_masked(values, mask.reshape(mask.shape + (1,) * (values.ndim - like.ndim))), weights, mask
    )


def compare(
    function: Callable[..., jax.Array],
    predictions: ArrayLike,
    targets: ArrayLike,
    axis: int,
    weights: tuple[ArrayLike | None, ArrayLike | None],
    masks: tuple[ArrayLike | None, ArrayLike | None],
    implementation: ImplementationLike,
    *static: Hashable,
) -> jax.Array:
    """Returns `function(x, y, implementation, *static)` of two samples, compiled as a whole.

    Args:
        function: of a module, so that what is compiled for it is found again.
        predictions: one sample along `axis`, for each of the other axes.
        targets: another, of another size or not.
        axis: the axis of the elements.
        weights: of the predictions and of the targets.
        masks: of the predictions and of the targets.
        implementation: as in `diffsort.sort`.
        *static: arguments that are Python values.

    Raises:
        TypeError: an array is not floating, or a mask not boolean.
        ValueError: the samples differ in shape off `axis`, or a mask or weights do not broadcast to theirs.
    """
    x, y = floating(predictions, "predictions"), floating(targets, "targets")
    axis = canonical_axis(axis, x.ndim)
    if without(x.shape, axis) != without(y.shape, axis) or x.ndim != y.ndim:
        raise ValueError(
            f"targets of shape {y.shape} do not fit predictions of shape {x.shape}: all but axis {axis} must "
            "be equal."
        )
    chosen = get_implementation(implementation)
    first = sample(x, x, weights[0], masks[0])
    second = sample(y, y, weights[1], masks[1], "target_")
    return _compute(function, *unshard_samples((first, second), axis), axis, chosen, static)


@functools.partial(jax.jit, static_argnames=("function", "axis", "static"))
def _compute(
    function: Callable[..., jax.Array],
    x: Sample,
    y: Sample,
    axis: int,
    implementation: Chosen,
    static: tuple[Hashable, ...],
) -> jax.Array:
    dtype = jnp.promote_types(x.values.dtype, y.values.dtype)
    last: list[Sample] = [jax.tree.map(lambda a: jnp.moveaxis(a, axis, -1), s) for s in (x, y)]
    first, second = (s._replace(values=s.values.astype(dtype)) for s in last)
    return function(first, second, implementation, *static).astype(dtype)


def unshard_samples(samples: tuple[Sample, Sample], axis: int) -> tuple[Sample, Sample]:
    """Returns samples whose elements are not split between devices; see `_sharding.unshard`."""
    first, second = (jax.tree.map(lambda a: unshard(a, (axis,)), s) for s in samples)
    return first, second


def without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """Returns the shape without an axis."""
    return shape[:axis] + shape[axis + 1 :]
