"""What `implementation="..."` may name, and how to add to it.

An implementation is up to three functions. Most have a hard permutation: `argsort` finds it, and `permute`
moves arrays through it. A relaxed sort, such as `diffsort.soft.SoftSort`, has none, and functions that need a
permutation refuse it.

An engine is less: it finds the permutation, and its implementation "manual:NAME" adds the derivative that is
written by hand.
"""

import dataclasses
import difflib
import inspect
from collections.abc import Callable
from typing import Literal

import jax

from diffsort import _builtin, engines
from diffsort._manual import permute_by
from diffsort.permutations import linear_permutation
from diffsort.protocols import Argsort, Permute, Select, Sort, SortWithIndices
from diffsort.soft import (
    LapSum,
    NeuralSort,
    Permutahedron,
    RelaxedSort,
    SoftSort,
    SortingNetwork,
    StraightThrough,
    Transport,
)


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Implementation:
    """How an implementation sorts: what `implementation=` takes, registered under a name or not.

    Attributes:
        name: what messages call it.
        sort: the sorted values, differentiable.
        argsort: the permutation, int32; None for a relaxed sort, which has no hard one.
        permute: how values move through the permutation, differentiable.
        sort_with_indices: both in one pass; None where it takes two.
        select: some of both, by rank; None where it sorts for that.
        why_unavailable: tells why it cannot be used here, or None.
    """

    name: str
    sort: Sort
    argsort: Argsort | None = None
    permute: Permute = linear_permutation
    sort_with_indices: SortWithIndices | None = None
    select: Select | None = None
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


# Relaxed sorts with their default settings, by name.
_RELAXED: dict[str, RelaxedSort] = {
    method.name: method
    for method in (
        *(SoftSort(), NeuralSort(), SortingNetwork("odd_even"), SortingNetwork("bitonic")),
        *(Permutahedron(), LapSum(), Transport()),
    )
}
_STRAIGHT_THROUGH = "straight_through:"  # before the name of a relaxed sort

Chosen = Implementation | RelaxedSort  # what an implementation's name stands for

# What `implementation=` takes. Of one that was registered a type checker knows the object, not the name.
ImplementationLike = (
    Chosen
    | Literal["manual", "manual:native", "manual:xla", "builtin", "double_argsort"]
    | Literal["softsort", "neuralsort", "odd_even", "bitonic", "permutahedron", "lapsum", "ott"]
    | Literal["straight_through:softsort", "straight_through:neuralsort", "straight_through:odd_even"]
    | Literal["straight_through:bitonic", "straight_through:permutahedron", "straight_through:lapsum"]
    | Literal["straight_through:ott"]
)


def _manual(name: str, engine: engines.Engine) -> Implementation:
    return Implementation(
        name,
        engine.sort,
        engine.argsort,
        permute_by(engine),
        engine.sort_with_indices,
        engine.select,
        engine.why_unavailable,
    )


_IMPLEMENTATIONS: dict[str, Chosen] = _RELAXED | {
    implementation.name: implementation
    for implementation in (
        _manual("manual", engines.BEST),
        *(_manual(f"manual:{name}", engine) for name, engine in engines.ENGINES.items()),
        Implementation("builtin", _builtin.sort, _builtin.argsort, _builtin.permute),
        Implementation(
            "double_argsort", _builtin.sort_by_argsort, _builtin.argsort, _builtin.permute_by_argsort
        ),
    )
}
_BUILT_IN = frozenset(_IMPLEMENTATIONS)


def register_implementation(
    name: str, *, sort: Sort, argsort: Argsort | None = None, permute: Permute = linear_permutation
) -> Implementation:
    """Adds an implementation, which every op, loss and layer then takes by its name.

    Registered again, a name stands for the new one from then on, as when a notebook's cell is run again;
    what was compiled with the old one stays as it is. The names that come with diffsort stay what they are.

    Args:
        name: what `implementation=` will name.
        sort: `sort(x, *, axis, descending, where) -> values`, differentiable, of the shape and dtype of `x`;
            `axis` is non-negative, `where` None or a mask of the shape of `x`, and masked elements of `x` are
            0. See `diffsort.protocols`.
        argsort: `argsort(x, *, axis, descending, where) -> int32 indices`; leave it out for a relaxed
            sort, which has no hard permutation.
        permute: `permute(x, indices, axis)`, for values that follow the keys.

    Returns:
        The implementation, which `implementation=` takes as well as its name.

    Raises:
        TypeError: `sort`, `argsort` or `permute` is not a function, or does not take these arguments.
        ValueError: the name comes with diffsort, or is not a non-empty string.

    >>> import jax.numpy as jnp
    >>> def network(x, *, axis, descending, where):  # sorts pairs
    ...     first, second = jnp.split(x, 2, axis)
    ...     return jnp.concatenate([jnp.minimum(first, second), jnp.maximum(first, second)], axis)
    >>> pairs = register_implementation("pairs", sort=network)
    >>> import diffsort
    >>> diffsort.sort(jnp.array([3., 1.]), implementation=pairs)
    Array([1., 3.], dtype=float32)
    """
    given = {} if argsort is None else {"argsort": argsort}
    return _register(name, Implementation(name, sort, argsort, permute), sort=sort, permute=permute, **given)


def register_engine(name: str, *, argsort: Argsort) -> Implementation:
    """Adds an engine: another way to find the permutation of a sort, differentiated as "manual" is.

    Only the permutation is asked for. Values are gathered through it, tangents and cotangents moved by it
    and its inverse, so that `argsort` is never differentiated, and works under every transformation of JAX
    as soon as it can be compiled.

    Args:
        name: the engine's; `implementation="manual:NAME"` takes it, in every op, loss and layer.
        argsort: `argsort(x, *, axis, descending, where) -> indices`, integers of the shape of `x`. Stable:
            ties in input order, descending too; NaNs last, descending first; masked elements behind all
            others. `axis` is non-negative, `where` None or a mask of the shape of `x`, and masked elements
            of `x` are 0. See `diffsort.protocols.Argsort`.

    Returns:
        The implementation, which `implementation=` takes as well as its name.

    Raises:
        TypeError: `argsort` is not a function, or does not take these arguments.
        ValueError: the engine comes with diffsort, or its name is not a non-empty string.

    >>> import jax, jax.numpy as jnp
    >>> def argsort(x, *, axis, descending, where):
    ...     if where is None:
    ...         return jnp.argsort(x, axis, descending=descending)
    ...     first = jnp.argsort(x, axis, descending=descending)
    ...     is_masked = jnp.take_along_axis(~where, first, axis)
    ...     return jnp.take_along_axis(first, jnp.argsort(is_masked, axis), axis)
    >>> engine = register_engine("numpy", argsort=argsort)
    >>> import diffsort
    >>> jax.grad(lambda x: diffsort.sort(x, implementation="manual:numpy")[0])(jnp.array([3., 1., 2.]))
    Array([0., 1., 0.], dtype=float32)
    """
    return _register(name, _manual(f"manual:{name}", engines.Engine(name, argsort)), argsort=argsort)


def _register(given: str, implementation: Implementation, **functions: object) -> Implementation:
    if not isinstance(given, str) or not given:
        raise ValueError(f"an implementation's name is a non-empty string, not {given!r}.")
    if implementation.name in _BUILT_IN or implementation.name.startswith(_STRAIGHT_THROUGH):
        raise ValueError(f"implementation {implementation.name!r} comes with diffsort; choose another name.")
    for part, function in functions.items():
        if not callable(function):
            raise TypeError(f"{part} must be a function, not {function!r}.")
        _require_parameters(implementation.name, part, function)
    _IMPLEMENTATIONS[implementation.name] = implementation
    return implementation


def _require_parameters(name: str, part: str, function: Callable[..., object]) -> None:
    """Calls nothing, but finds out now what would fail in the first program that sorts."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions in C do not tell
        return
    try:
        if part == "permute":
            signature.bind("x", "indices", "axis")
        else:
            signature.bind("x", axis=0, descending=False, where=None)
    except TypeError as error:
        takes = "x, indices, axis" if part == "permute" else "x, *, axis, descending, where"
        raise TypeError(f"{part} of {name!r} must take ({takes}), but it has {signature}: {error}.") from None


def implementation_names() -> tuple[str, ...]:
    """Returns the names `implementation=` may take, in alphabetical order.

    Before the name of a relaxed sort, "straight_through:" may stand.
    """
    return tuple(sorted(_IMPLEMENTATIONS))


def get_implementation(implementation: "ImplementationLike | str") -> Chosen:
    """Returns the implementation of that name, or the one that is given.

    Raises:
        ValueError: no implementation has that name, and the message lists those there are; it is not
            available here, and the message says why; or it has a schedule, and no step was given.

    >>> get_implementation("manual").name
    'manual'
    """
    if isinstance(implementation, Chosen):
        found = implementation
    elif isinstance(implementation, str) and implementation in _IMPLEMENTATIONS:
        found = _IMPLEMENTATIONS[implementation]
    elif isinstance(implementation, str) and implementation.removeprefix(_STRAIGHT_THROUGH) in _RELAXED:
        found = StraightThrough(_RELAXED[implementation.removeprefix(_STRAIGHT_THROUGH)])
    else:
        names = [*_IMPLEMENTATIONS, *(_STRAIGHT_THROUGH + name for name in _RELAXED)]
        engine = f"manual:{implementation}"
        near = [engine] if engine in names else difflib.get_close_matches(str(implementation), names, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(repr(n) for n in implementation_names())
        raise ValueError(
            f"unknown implementation {implementation!r}.{hint} Known: {known}; and, before a relaxed sort's "
            f"name, {_STRAIGHT_THROUGH!r}."
        )
    reason = found.why_unavailable()
    if reason:
        raise ValueError(f"implementation {found.name!r} is not available: {reason}. Use 'manual'.")
    return found.resolved() if isinstance(found, RelaxedSort) else found
