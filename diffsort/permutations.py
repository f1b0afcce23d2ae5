"""Permutations as linear maps: the one derivative of this library, written by hand.

`permute` is linear in `x`, its matrix is a permutation matrix P, and the transpose of P is its inverse.
So the tangent of `P x` is `P t`, the cotangent is `Pᵀ c`, and no order of derivative ever sorts again.
`jax.lax.custom_linear_solve` states exactly that to JAX, in public terms: y = P x *solves* Pᵀ y = x. It
gives forward mode, reverse mode, batching and transposition from the two maps below, at every order.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax

from diffsort import _sharding, engines
from diffsort._arguments import as_array, canonical_axis, fits
from diffsort.engines.gathering import gather, scatter
from diffsort.protocols import Permute


def permute(x: jax.Array, indices: jax.Array, axis: int = -1) -> jax.Array:
    """Rearranges `x` along `axis`: `out[..., i, ...] = x[..., indices[..., i, ...], ...]`.

    Linear in `x`, and differentiable in it any number of times, in both modes; the transpose is the
    inverse permutation.

    That the indices are a permutation is not checked. Other indices give the same result everywhere: those
    out of range count as the nearest in range, and one that is repeated repeats its element. In the
    transpose, the last of several cotangents that meet at one element counts, and elements that no index
    names get 0.

    Args:
        x: array of any dtype.
        indices: integers, each slice along `axis` a permutation of `0 … n−1`; negative ones count from the
            end. Of the shape of `x`, except that an axis other than `axis` may have length 1 and then holds
            for that whole axis of `x`; or one-dimensional, one permutation for all slices.
        axis: the axis to rearrange.

    Returns:
        An array of the shape and dtype of `x`.

    Raises:
        TypeError: `indices` are not integers.
        ValueError: `axis` is out of range, or `indices` has none of the shapes above.

    >>> import jax.numpy as jnp
    >>> permute(jnp.array([10., 20., 30.]), jnp.array([2, 0, 1]))
    Array([30., 10., 20.], dtype=float32)
    """
    x, indices, axis = _check(x, indices, axis)
    return _permute(x, indices, axis)


def inverse_permutation(indices: jax.Array, axis: int = -1) -> jax.Array:
    """Returns the permutation that undoes `indices`: `out[..., indices[..., i, ...], ...] = i`.

    That they are a permutation is not checked. Other indices give the same result everywhere: those out of
    range count as the nearest in range, of one that is repeated the last place counts, and an index that is
    missing gives 0.

    Args:
        indices: integers, each slice along `axis` a permutation of `0 … n−1`; negative ones count from the
            end.
        axis: the axis along which they permute.

    Returns:
        int32, of the shape of `indices`.

    Raises:
        TypeError: `indices` are not integers.
        ValueError: `axis` is out of range.

    >>> import jax.numpy as jnp
    >>> inverse_permutation(jnp.array([2, 0, 1]))
    Array([1, 2, 0], dtype=int32)
    """
    indices = _integers(indices)
    axis = canonical_axis(axis, indices.ndim)
    return invert(indices, axis, is_trusted=False)


def linear_permutation(
    x: jax.Array, indices: jax.Array, axis: int, permute: Permute = gather, unpermute: Permute = scatter
) -> jax.Array:
    """`permute` without the checks, and with a choice of how a permutation and its inverse are applied.

    Args:
        x: any dtype.
        indices: integers, fit for `x`.
        axis: non-negative.
        permute: applies the permutation.
        unpermute: applies the inverse permutation.
    """
    x, indices = _sharding.match_varying(x, indices)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return permute(x, indices, axis)

    backward = jax.named_scope("diffsort.backward")(unpermute)
    return lax.custom_linear_solve(
        # Stands for `scatter(values, indices, axis)`. It is never run, but what it computes of the indices
        # would be kept for the backward pass, and the identity computes nothing.
        matvec=lambda values: values,
        b=x,
        solve=lambda _, values: permute(values, indices, axis),
        transpose_solve=lambda _, values: backward(values, indices, axis),
    )


@functools.partial(jax.jit, static_argnames="axis")
def _permute(x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
    moves = (functools.partial(f, is_trusted=False) for f in (engines.BEST.gather, engines.BEST.scatter))

    with jax.named_scope("diffsort.permute"):
        return _sharding.on_shards(
            lambda x, indices: linear_permutation(x, indices, axis, *moves), axis, x, indices
        )


@functools.partial(jax.jit, static_argnames=("axis", "is_trusted"))
def invert(indices: jax.Array, axis: int, is_trusted: bool = True) -> jax.Array:
    """`inverse_permutation` without the checks; trusted indices are a permutation for certain."""

    def local(indices: jax.Array) -> jax.Array:
        iota = lax.broadcasted_iota(jnp.int32, indices.shape, axis)
        return engines.BEST.scatter(iota, indices, axis, is_trusted=is_trusted)

    with jax.named_scope("diffsort.inverse_permutation"):
        return _sharding.on_shards(local, axis, indices)


def _check(x: jax.Array, indices: jax.Array, axis: int) -> tuple[jax.Array, jax.Array, int]:
    x, indices = as_array(x), _integers(indices)
    axis = canonical_axis(axis, x.ndim)
    if indices.ndim == 1 and x.ndim > 1:
        indices = indices.reshape([-1 if d == axis else 1 for d in range(x.ndim)])
    if not fits(indices.shape, x.shape, (axis,)):
        raise ValueError(
            f"indices of shape {indices.shape} do not permute axis {axis} of an array of shape "
            f"{x.shape}: give them that shape (length 1 allowed off the axis) or one dimension."
        )
    return x, indices, axis


def _integers(indices: jax.Array) -> jax.Array:
    indices = as_array(indices)
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        raise TypeError(f"indices must be integers, not {indices.dtype}.")
    info, kept = jnp.iinfo(indices.dtype), jnp.iinfo(jnp.int32)
    if info.max > kept.max:  # not to become another index
        low, high = (jnp.asarray(limit, indices.dtype) for limit in (max(info.min, kept.min), kept.max))
        indices = jnp.clip(indices, low, high)
    return indices.astype(jnp.int32)
