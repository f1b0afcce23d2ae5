"""Tokens to experts and back: a sort by expert, and its inverse."""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import as_array, floating, integer
from diffsort._sorting import move, sort_both, zero_masked
from diffsort.implementations import Chosen, ImplementationLike, get_implementation
from diffsort.permutations import invert

__all__ = ["combine", "dispatch"]


def dispatch(
    tokens: ArrayLike,
    expert_ids: ArrayLike,
    num_experts: int,
    *,
    implementation: ImplementationLike = "manual",
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns tokens grouped by the experts that they go to, as `jax.lax.ragged_dot` takes them.

    A stable sort of the choices by expert. Linear in the tokens: the cotangent of a token is the sum of those
    of its copies, each fetched from its place.

    Args:
        tokens: array of any dtype, of shape (tokens, …).
        expert_ids: integers of shape (tokens,), or (tokens, k) if each token goes to k experts. A token goes
            nowhere by an id outside of 0 … num_experts − 1: as one does that is masked, or is for an expert
            of another device.
        num_experts: how many experts there are, at least 1.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        (rows, group_sizes, indices): a row for each choice, of shape (tokens · k, …), those of expert 0
        first, in the order of the tokens, then those of expert 1, and so on, and 0 behind the last; how many
        rows each expert has, int32, (num_experts,); which choice each row is, int32, (tokens · k,): row r is
        of the token `indices[r] // k`. Keep the indices for `combine`.

    Raises:
        TypeError: `expert_ids` are not integers, or `num_experts` is not one.
        ValueError: `num_experts` is less than 1, the shapes do not fit, or `implementation` has no
            permutation.

    Source: T. Gale et al., MegaBlocks: Efficient Sparse Training with Mixture-of-Experts, MLSys 2023.

    >>> import jax.numpy as jnp
    >>> rows, group_sizes, indices = dispatch(jnp.array([[1.], [2.], [3.]]), jnp.array([1, 0, 1]), 2)
    >>> rows.ravel(), group_sizes
    (Array([2., 1., 3.], dtype=float32), Array([1, 2], dtype=int32))
    """
    chosen = get_implementation(implementation)
    tokens, ids = as_array(tokens), as_array(expert_ids)
    if integer(num_experts, "num_experts") < 1:
        raise ValueError(f"num_experts={num_experts} must be at least 1.")
    if not jnp.issubdtype(ids.dtype, jnp.integer):
        raise TypeError(f"expert_ids must be integers, not {ids.dtype}.")
    if ids.ndim not in (1, 2) or ids.shape[0] != (tokens.shape or (None,))[0]:
        raise ValueError(
            f"expert_ids of shape {ids.shape} do not fit tokens of shape {tokens.shape}: give one id for "
            "each token, or as many as it has experts."
        )
    return _dispatch(chosen, tokens, ids, num_experts)


def combine(
    rows: ArrayLike,
    indices: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    group_sizes: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns what experts made of the rows of `dispatch` in the order of the tokens: its inverse.

    Linear in the rows and in the weights.

    Args:
        rows: of shape (tokens · k, …), grouped by expert.
        indices: as `dispatch` returned them.
        weights: floating, of the shape of `expert_ids`: how much of each choice goes into a token.
        group_sizes: as `dispatch` returned them; then rows behind all groups count as 0, whatever they hold.
            Not needed after `jax.lax.ragged_dot`, which makes them 0.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        With weights, the weighted sums over each token's choices, of shape (tokens, …), in the common dtype
        of rows and weights; without, a row for each choice, (tokens · k, …).

    Raises:
        TypeError: `indices` are not integers, or `weights` not floating.
        ValueError: the shapes do not fit.

    >>> import jax.numpy as jnp
    >>> rows, group_sizes, indices = dispatch(jnp.array([[1.], [2.], [3.]]), jnp.array([1, 0, 1]), 2)
    >>> combine(10 * rows, indices).ravel()
    Array([10., 20., 30.], dtype=float32)
    """
    chosen = get_implementation(implementation)
    rows, indices = as_array(rows), as_array(indices)
    if not jnp.issubdtype(indices.dtype, jnp.integer):
        raise TypeError(f"indices must be integers, not {indices.dtype}.")
    if indices.ndim != 1 or indices.shape != rows.shape[:1]:
        raise ValueError(f"indices of shape {indices.shape} do not fit rows of shape {rows.shape}.")
    if weights is not None:
        weights = floating(weights, "weights")
        if weights.ndim not in (1, 2) or weights.size != indices.size:
            raise ValueError(
                f"weights of shape {weights.shape} do not fit {indices.size} rows: give them the shape of "
                "expert_ids."
            )
    sizes = None if group_sizes is None else as_array(group_sizes)
    return _combine(chosen, rows, indices.astype(jnp.int32), weights, sizes)


@functools.partial(jax.jit, static_argnames="num_experts")
def _dispatch(
    chosen: Chosen, tokens: jax.Array, ids: jax.Array, num_experts: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
    k = 1 if ids.ndim == 1 else ids.shape[1]
    flat = ids.reshape(-1)
    is_sent = (flat >= 0) & (flat < num_experts)
    keys = jnp.where(is_sent, flat, jnp.asarray(num_experts, flat.dtype)).astype(jnp.int32)
    with jax.named_scope("diffsort.dispatch"):
        ordered, indices = sort_both(chosen, keys, 0, None, descending=False)
        ends = jnp.searchsorted(ordered, jnp.arange(num_experts + 1, dtype=jnp.int32)).astype(jnp.int32)
        group_sizes = jnp.diff(ends)
        choices = tokens if k == 1 else jnp.repeat(tokens, k, 0)
        rows = _move(chosen, choices, indices)
        return _first(rows, group_sizes), group_sizes, indices


@jax.jit
def _combine(
    chosen: Chosen,
    rows: jax.Array,
    indices: jax.Array,
    weights: jax.Array | None,
    group_sizes: jax.Array | None,
) -> jax.Array:
    with jax.named_scope("diffsort.combine"):
        if group_sizes is not None:
            rows = _first(rows, group_sizes)
        choices = _move(chosen, rows, invert(indices, 0))
        if weights is None:
            return choices
        choices = choices.reshape(*weights.shape[:1], -1, *rows.shape[1:])
        share = weights.reshape(*choices.shape[:2], *[1] * (rows.ndim - 1))
        dtype = jnp.promote_types(rows.dtype, weights.dtype)
        return jnp.sum(choices.astype(dtype) * share.astype(dtype), 1)


def _move(chosen: Chosen, rows: jax.Array, indices: jax.Array) -> jax.Array:
    """Returns the rows at the indices, a permutation."""
    chosen.permutation()  # which it must have
    return move(chosen, rows, indices.reshape(-1, *[1] * (rows.ndim - 1)), 0)


def _first(rows: jax.Array, group_sizes: jax.Array) -> jax.Array:
    """Returns the rows of all groups, and 0 for those behind them."""
    position = jnp.arange(rows.shape[0], dtype=jnp.int32).reshape(-1, *[1] * (rows.ndim - 1))
    return zero_masked(rows, jnp.broadcast_to(position < jnp.sum(group_sizes, dtype=jnp.int32), rows.shape))
