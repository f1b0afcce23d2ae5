"""Sorting by keys: several keys that decide together, and other arrays that follow them.

What all of `diffsort.sorting` raise, these raise too. What one of them raises besides is in its docstring.
"""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import as_array, canonical_axis, fits, flag, mask_like, real_array
from diffsort._several_keys import find_order
from diffsort._sorting import is_trivial, move, sort_both, zero_masked
from diffsort.implementations import ImplementationLike, get_implementation


def lexsort(
    keys: ArrayLike | Sequence[ArrayLike],
    axis: int = -1,
    *,
    descending: bool | Sequence[bool] = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the stable permutation that sorts by several keys, of which the last decides first.

    As jax.numpy.lexsort; `sort_key_val` takes its keys the other way round. Keys are packed into one integer
    where they fit (64 bits on CPU, 32 elsewhere), so that one sort does for all of them.

    Args:
        keys: arrays of one shape, of any real dtypes; or an array, whose rows are the keys.
        axis: the axis of a key to sort.
        descending: from the greatest down; or one such for each key.
        where: boolean mask, broadcastable to a key; masked elements come last, in input order.
        implementation: as in `sort`; it must have a permutation.

    Returns:
        int32 indices, of the shape of a key.

    Raises:
        ValueError: there is no key, keys differ in shape, `descending` is not one or one for each key, or
            `implementation` has no permutation.

    >>> import jax.numpy as jnp
    >>> lexsort((jnp.array([2., 1., 3.]), jnp.array([5, 5, 4])))
    Array([2, 1, 0], dtype=int32)
    """
    chosen = get_implementation(implementation)
    given = tuple(keys) if isinstance(keys, tuple | list) else tuple(as_array(keys))  # type: ignore[arg-type]
    arrays, axis, mask, down = _prepare_keys(given, axis, where, descending)
    return find_order(chosen, arrays[::-1], axis, mask, down[::-1])


def sort_key_val(
    keys: ArrayLike | Sequence[jax.Array],
    values: Any,
    axis: int = -1,
    *,
    descending: bool | Sequence[bool] = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> tuple[Any, Any]:
    """Sorts `keys` along `axis` and rearranges `values` with them.

    Differentiable in both: keys and values are moved by the same permutation.

    Args:
        keys: array of any real dtype. Or a tuple or list of arrays of one shape, of which the first decides
            first, at ties the second, and so on, as in `jax.lax.sort(num_keys=...)`; `lexsort` takes them
            the other way round.
        values: a pytree of arrays of the rank of `keys`, each of its shape, or longer where `keys` has
            length 1 off the axis: keys of shape (n, 1) sort the rows of values of shape (n, c).
        axis: the axis to sort.
        descending: from the greatest key down, ties in input order; for several keys, one such for each may
            be given.
        where: boolean mask, broadcastable to `keys`; masked keys come last, and they and their values
            come back as 0.
        implementation: as in `sort`; it must have a permutation.

    Returns:
        (keys, values), sorted; the keys an array, or a tuple of arrays.

    Raises:
        ValueError: the shape of a value is not that of `keys`, keys differ in shape, `descending` is not one
            or one for each key, or `implementation` has no permutation.

    >>> import jax.numpy as jnp
    >>> sort_key_val(jnp.array([3, 1, 2]), {"a": jnp.array([30., 10., 20.])})
    (Array([1, 2, 3], dtype=int32), {'a': Array([10., 20., 30.], dtype=float32)})
    >>> sort_key_val((jnp.array([1, 0, 1]), jnp.array([3., 5., 2.])), jnp.array([30, 50, 20]))[1]
    Array([50, 20, 30], dtype=int32)
    """
    chosen = get_implementation(implementation)
    # A list of numbers is an array.
    several = isinstance(keys, tuple | list) and all(isinstance(k, jax.Array | np.ndarray) for k in keys)
    given: Any = keys if several else (keys,)
    if not several:
        descending = flag(descending, "descending")  # type: ignore[arg-type]
    arrays, axis, mask, down = _prepare_keys(given, axis, where, descending)
    shape = arrays[0].shape

    def follow(given: ArrayLike) -> jax.Array:
        value = as_array(given)
        if not fits(shape, value.shape, (axis,)):
            raise ValueError(
                f"a value of shape {value.shape} cannot follow keys of shape {shape} along axis "
                f"{axis}: shapes must be equal, or the keys of length 1 off that axis."
            )
        if mask is not None:
            value = zero_masked(value, mask_like(mask, value))
        return value if is_trivial(value, axis) else move(chosen, value, indices, axis)

    if several:
        indices = find_order(chosen, arrays, axis, mask, down)
        return tuple(map(follow, arrays)), jax.tree.map(follow, values)
    ordered, indices = sort_both(chosen, arrays[0], axis, mask, down[0])
    return ordered, jax.tree.map(follow, values)


def _prepare_keys(
    given: Sequence[ArrayLike], axis: int, where: ArrayLike | None, descending: bool | Sequence[bool]
) -> tuple[tuple[jax.Array, ...], int, jax.Array | None, tuple[bool, ...]]:
    """Checks keys; zeroes what is masked; says for each whether it goes down."""
    keys = tuple(real_array(key, "keys") for key in given)
    if not keys:
        raise ValueError("keys is empty: give at least one to sort by.")
    if any(key.shape != keys[0].shape for key in keys):
        raise ValueError(
            f"keys have the shapes {', '.join(str(k.shape) for k in keys)}: give them one shape."
        )
    axis = canonical_axis(axis, keys[0].ndim)
    down: Sequence[Any] = descending if isinstance(descending, tuple | list) else [descending] * len(keys)
    if len(down) != len(keys):
        raise ValueError(f"descending has {len(down)} entries for {len(keys)} keys: give one for each.")
    mask = None if where is None else mask_like(where, keys[0])
    if mask is not None:
        keys = tuple(zero_masked(key, mask) for key in keys)
    return keys, axis, mask, tuple(flag(one, "descending") for one in down)
