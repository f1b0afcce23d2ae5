"""What `implementation="..."` may name, and how to add to it.

An implementation is up to three functions. Most have a hard permutation: they say how it is found
(`argsort`) and how arrays move through it (`permute`). A relaxed sort, as "ott" is, has none: it is a `sort`
alone, and what needs a permutation refuses it.
"""

import dataclasses
import difflib
from collections.abc import Callable
from typing import Literal, Protocol

import jax
import jax.numpy as jnp
from jax import lax

from diffsort import engines, relaxed
from diffsort.engines.ties import reversed_ties
from diffsort.gathering import gather
from diffsort.manual import permute_by
from diffsort.permutations import linear_permutation


class Sort(Protocol):
    """A differentiable sort along one axis."""

    def __call__(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns `x` sorted, masked elements last.

        Args:
            x: real, at least two elements long along `axis`; 0 where it is masked.
            axis: non-negative.
            descending: from the greatest down.
            where: None, or boolean of the shape of `x`.
        """


class Argsort(Protocol):
    """The stable permutation of a sort."""

    def __call__(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns int32 indices, ties in input order, masked elements last; arguments as for Sort."""


class SortWithIndices(Protocol):
    """A differentiable sort that returns its permutation too."""

    def __call__(
        self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None
    ) -> tuple[jax.Array, jax.Array]:
        """Returns (values, int32 indices), ties in input order; arguments as for Sort."""


class Permute(Protocol):
    """The linear map of a permutation, with its derivative."""

    def __call__(self, x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
        """Returns `x` rearranged along `axis`, as `diffsort.permute` does."""


@dataclasses.dataclass(frozen=True)
class Implementation:
    """How a named implementation sorts.

    Attributes:
        name: what a user writes.
        sort: the sorted values.
        argsort: the permutation; None where there is no hard one.
        permute: how values move through the permutation.
        sort_with_indices: both in one pass; None where it takes two.
        why_unavailable: tells why it cannot be used here, or None.
    """

    name: str
    sort: Sort
    argsort: Argsort | None = None
    permute: Permute = linear_permutation
    sort_with_indices: SortWithIndices | None = None
    why_unavailable: Callable[[], str | None] = lambda: None

    def permutation(self) -> Argsort:
        """Returns `argsort`.

        Raises:
            ValueError: this implementation has no hard permutation.
        """
        if self.argsort is None:
            raise ValueError(
                f"implementation {self.name!r} is a relaxed sort without a permutation: it can sort, "
                "but not argsort, rank, top_k or rearrange other arrays; "
                "use implementation='manual' here."
            )
        return self.argsort


# What `implementation=` takes. Of one that was registered a type checker knows the object, not the name.
ImplementationLike = (
    Implementation | Literal["manual", "manual:native", "manual:xla", "builtin", "double_argsort", "ott"]
)


def through_permutation(name: str, argsort: Argsort, permute: Permute) -> Implementation:
    """An implementation whose sorted values are `x` moved through its permutation.

    Args:
        name: what a user writes.
        argsort: finds the permutation.
        permute: moves values through it.
    """

    def sort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        find = argsort
        if descending:
            find = reversed_ties(argsort)
        indices = find(lax.stop_gradient(x), axis=axis, descending=descending, where=where)
        return permute(x, indices, axis)

    return Implementation(name, sort, argsort, permute)


def _builtin_sort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    if where is None:
        return jnp.sort(x, axis, descending=descending)
    # Reversed, masked elements must come last again, so they are sorted to the front.
    last = where if descending else ~where
    _, values = lax.sort((last, x), dimension=axis, is_stable=True, num_keys=2)
    return lax.rev(values, (axis,)) if descending else values


def _builtin_argsort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    """jax.numpy.argsort in lax terms: by itself it loses track of varying axes inside a shard_map."""
    iota = lax.broadcasted_iota(jnp.int32, x.shape, axis)
    if not descending:
        keys = (x,) if where is None else (~where, x)
        return _sorted_last(*keys, iota, axis=axis)
    # Reversed before and after, ties keep the order of the input.
    keys = (x,) if where is None else (where, x)
    reversed_operands = (lax.rev(a, (axis,)) for a in (*keys, iota))
    return lax.rev(_sorted_last(*reversed_operands, axis=axis), (axis,))


def _sorted_last(*operands: jax.Array, axis: int) -> jax.Array:
    """Sorts all operands by all but the last, and returns that one."""
    return lax.sort(operands, dimension=axis, is_stable=True, num_keys=len(operands) - 1)[-1]


def _builtin_permute(x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
    return jnp.take_along_axis(x, indices, axis)


def _double_argsort_permute(x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
    """The article's derivative: the inverse of a permutation is its argsort."""

    def unpermute(values: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
        iota = lax.broadcasted_iota(jnp.int32, indices.shape, axis)
        return gather(values, _sorted_last(indices, iota, axis=axis), axis)

    return linear_permutation(x, indices, axis, unpermute=unpermute)


def _manual(
    name: str, engine: engines.Engine, why_unavailable: Callable[[], str | None] = lambda: None
) -> Implementation:
    return Implementation(
        name, engine.sort, engine.argsort, permute_by(engine), engine.sort_with_indices, why_unavailable
    )


_IMPLEMENTATIONS: dict[str, Implementation] = {
    implementation.name: implementation
    for implementation in (
        _manual("manual", engines.BEST),
        *(_manual(f"manual:{name}", engines.Engine(name), why) for name, why in engines.ENGINES.items()),
        Implementation("builtin", _builtin_sort, _builtin_argsort, _builtin_permute),
        through_permutation("double_argsort", _builtin_argsort, _double_argsort_permute),
        Implementation("ott", relaxed.sort, why_unavailable=relaxed.why_unavailable),
    )
}


_BUILT_IN = frozenset(_IMPLEMENTATIONS)


def register_implementation(
    name: str, *, sort: Sort, argsort: Argsort | None = None, permute: Permute = linear_permutation
) -> Implementation:
    """Adds an implementation, which every op, loss and layer then takes by its name.

    A name that was registered before names the new one from now on, as when a notebook's cell is run again;
    what was compiled with the old one stays as it is. The names that come with diffsort stay what they are.

    Args:
        name: what `implementation=` will name.
        sort: `sort(x, *, axis, descending, where) -> values`, differentiable, of the shape and dtype of `x`;
            `axis` is non-negative, `where` None or a mask of the shape of `x`, and masked elements of `x` are
            0.
        argsort: `argsort(x, *, axis, descending, where) -> int32 indices`; leave it out for a relaxed
            sort, which has no hard permutation.
        permute: `permute(x, indices, axis)`, for values that follow the keys.

    Returns:
        The implementation, which `implementation=` takes as well as its name.

    Raises:
        TypeError: `sort`, `argsort` or `permute` is no function.
        ValueError: the name is one that comes with diffsort, or no name.

    >>> import jax.numpy as jnp
    >>> def network(x, *, axis, descending, where):  # sorts pairs
    ...     first, second = jnp.split(x, 2, axis)
    ...     return jnp.concatenate([jnp.minimum(first, second), jnp.maximum(first, second)], axis)
    >>> pairs = register_implementation("pairs", sort=network)
    >>> import diffsort
    >>> diffsort.sort(jnp.array([3., 1.]), implementation=pairs)
    Array([1., 3.], dtype=float32)
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"an implementation's name is a non-empty string, not {name!r}.")
    if name in _BUILT_IN:
        raise ValueError(f"implementation {name!r} comes with diffsort; choose another name.")
    for part, function in {"sort": sort, "argsort": argsort, "permute": permute}.items():
        if not callable(function) and not (part == "argsort" and function is None):
            raise TypeError(f"{part} must be a function, not {function!r}.")
    _IMPLEMENTATIONS[name] = Implementation(name, sort, argsort, permute)
    return _IMPLEMENTATIONS[name]


def implementation_names() -> tuple[str, ...]:
    """Returns the names `implementation=` may take, in alphabetical order."""
    return tuple(sorted(_IMPLEMENTATIONS))


def get_implementation(implementation: "ImplementationLike | str") -> Implementation:
    """Returns the implementation of that name, or the one that is given.

    Raises:
        ValueError: there is none, and the message lists those there are; or it is not available here,
            and the message says why.
    """
    if isinstance(implementation, Implementation):
        found = implementation
    elif isinstance(implementation, str) and implementation in _IMPLEMENTATIONS:
        found = _IMPLEMENTATIONS[implementation]
    else:
        near = difflib.get_close_matches(str(implementation), _IMPLEMENTATIONS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(repr(n) for n in implementation_names())
        raise ValueError(f"unknown implementation {implementation!r}.{hint} Known: {known}.")
    reason = found.why_unavailable()
    if reason:
        raise ValueError(f"implementation {found.name!r} is not available: {reason}. Use 'manual'.")
    return found
