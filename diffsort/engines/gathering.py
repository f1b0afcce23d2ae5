"""Gather along an axis and its transpose, for indices that never repeat.

Both exist in two forms. The flat form addresses the array as one row: fewest indices, fastest from a few
hundred elements on. The batched form names every axis to XLA, which can then partition it without moving
data between devices; it is the form for programs that the compiler may shard.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

_BOUNDS = "promise_in_bounds"


def gather(x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
    """Returns `out[..., i, ...] = x[..., indices[..., i, ...], ...]`.

    Args:
        x: any dtype.
        indices: int32 or narrower, of the rank of `x`, of any length along `axis`; another axis of length 1
            holds for the whole of that axis of `x`. Out-of-range indices are the caller's mistake, and not
            checked.
        axis: where to gather; non-negative.
    """
    if _is_byte_float(x.dtype):
        return lax.bitcast_convert_type(gather(_as_bytes(x), indices, axis), x.dtype)
    indices = indices.astype(jnp.int32)
    if _addressable_flat(x, indices, axis):
        numbers = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(), start_index_map=(0,))
        starts = _flat_indices(indices, axis, x.shape).reshape(-1, 1)
        out = lax.gather(x.reshape(-1), starts, numbers, (1,), unique_indices=True, mode=_BOUNDS)
        return out.reshape(indices.shape)
    batch, whole = _split_axes(x, indices, axis)
    numbers = lax.GatherDimensionNumbers(
        offset_dims=whole,
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
        operand_batching_dims=batch,
        start_indices_batching_dims=_positions(batch, whole),
    )
    sizes = tuple(x.shape[d] if d in whole else 1 for d in range(x.ndim))
    starts = jnp.squeeze(indices, whole)[..., None]
    return lax.gather(x, starts, numbers, sizes, unique_indices=True, mode=_BOUNDS)


def scatter(values: jax.Array, indices: jax.Array, axis: int, length: int | None = None) -> jax.Array:
    """Returns `out[..., indices[..., i, ...], ...] = values[..., i, ...]`, the transpose of `gather`.

    Args:
        values: any dtype.
        indices: as in `gather`; none of them twice.
        axis: where to scatter; non-negative.
        length: of the result along `axis`, which is 0 where no index points; None for that of `values`.
    """
    if _is_byte_float(values.dtype):
        return lax.bitcast_convert_type(scatter(_as_bytes(values), indices, axis, length), values.dtype)
    length = values.shape[axis] if length is None else length
    out = jnp.zeros_like(values, shape=(*values.shape[:axis], length, *values.shape[axis + 1 :]))
    indices = indices.astype(jnp.int32)
    if _addressable_flat(out, indices, axis):
        # Windows of one element: with scalar updates XLA would copy them.
        numbers = lax.ScatterDimensionNumbers(
            update_window_dims=(1,), inserted_window_dims=(), scatter_dims_to_operand_dims=(0,)
        )
        starts = _flat_indices(indices, axis, out.shape).reshape(-1, 1)
        updates = values.reshape(-1, 1)
        flat = lax.scatter(out.reshape(-1), starts, updates, numbers, unique_indices=True, mode=_BOUNDS)
        return flat.reshape(out.shape)
    batch, whole = _split_axes(values, indices, axis)
    numbers = lax.ScatterDimensionNumbers(
        update_window_dims=whole,
        inserted_window_dims=(axis,),
        scatter_dims_to_operand_dims=(axis,),
        operand_batching_dims=batch,
        scatter_indices_batching_dims=_positions(batch, whole),
    )
    starts = jnp.squeeze(indices, whole)[..., None]
    return lax.scatter(out, starts, values, numbers, unique_indices=True, mode=_BOUNDS)


def move(x: jax.Array, indices: jax.Array, axis: int, *, inverse: bool, is_trusted: bool) -> jax.Array:
    """Returns what `gather` does, or `scatter` if `inverse`; if not trusted, as `diffsort.permute` does.

    Args:
        x: any dtype.
        indices: as in `gather`.
        axis: non-negative.
        inverse: apply the inverse of the permutation.
        is_trusted: the indices are known to be a permutation.
    """
    if is_trusted:
        return (scatter if inverse else gather)(x, indices, axis)
    n = jnp.asarray(x.shape[axis], jnp.int32)
    last = jnp.maximum(n - 1, 0)
    indices = indices.astype(jnp.int32)
    indices = jnp.clip(jnp.where(indices < 0, indices + n, indices), jnp.zeros_like(last), last)
    if not inverse:
        return gather(x, indices, axis)
    # The last index that names each place, if any does: a maximum, which no order of execution changes.
    iota = lax.broadcasted_iota(jnp.int32, indices.shape, axis)
    batch = tuple(d for d in range(indices.ndim) if d != axis)
    numbers = lax.ScatterDimensionNumbers(
        update_window_dims=(),
        inserted_window_dims=(axis,),
        scatter_dims_to_operand_dims=(axis,),
        operand_batching_dims=batch,
        scatter_indices_batching_dims=batch,
    )
    unnamed = jnp.full_like(indices, -1)
    source = lax.scatter_max(unnamed, indices[..., None], iota, numbers, mode=_BOUNDS)
    moved = gather(x, jnp.maximum(source, jnp.zeros_like(source)), axis)
    return jnp.where(source < 0, jnp.zeros_like(moved), moved)


def _is_byte_float(dtype: jnp.dtype) -> bool:
    """Whether XLA's CPU code, from jaxlib 0.11 on, may rewrite NaNs while it moves such elements."""
    return jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits == 8


def _as_bytes(x: jax.Array) -> jax.Array:
    return lax.bitcast_convert_type(x, jnp.uint8)


def _split_axes(x: jax.Array, indices: jax.Array, axis: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the axes that batch and the axes that are moved whole."""
    others = [d for d in range(x.ndim) if d != axis]
    whole = tuple(d for d in others if indices.shape[d] == 1 and x.shape[d] != 1)
    return tuple(d for d in others if d not in whole), whole


def _positions(batch: tuple[int, ...], whole: tuple[int, ...]) -> tuple[int, ...]:
    """Where the batch axes stand once the whole axes are squeezed away."""
    return tuple(d - sum(w < d for w in whole) for d in batch)


def _flat_indices(indices: jax.Array, axis: int, shape: tuple[int, ...]) -> jax.Array:
    """Where the elements that indices along `axis` name stand in a flattened array of a shape."""
    flat = indices * jnp.int32(math.prod(shape[axis + 1 :]))
    for d in range(len(shape)):
        if d != axis and shape[d] > 1:
            stride = jnp.int32(math.prod(shape[d + 1 :]))
            flat += lax.broadcasted_iota(jnp.int32, indices.shape, d) * stride
    return flat


def _addressable_flat(x: jax.Array, indices: jax.Array, axis: int) -> bool:
    is_sized = all(isinstance(n, int) for n in x.shape)  # not so in an export with symbolic shapes
    of_one_shape = all(x.shape[d] == indices.shape[d] for d in range(x.ndim) if d != axis)
    return is_sized and of_one_shape and 256 <= x.size < 2**31 and _on_one_device()


def _on_one_device() -> bool:
    """Whether this code runs on one device's data: one device at all, or inside a full shard_map."""
    mesh = jax.sharding.get_abstract_mesh()
    if not mesh.empty and all(t == jax.sharding.AxisType.Manual for t in mesh.axis_types):
        return True
    return jax.device_count() == 1
