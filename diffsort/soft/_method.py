"""What all relaxed sorts share: axes, masks, dtypes, order, and a temperature that may change."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar, Self, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from diffsort.protocols import Argsort, Select, SortWithIndices
from diffsort.soft._rows import Rows, make_rows

# A positive number, an array of no axes, maybe traced, or a schedule: a function of the step.
Temperature = float | jax.Array | Callable[[Any], Any]

_Method = TypeVar("_Method", bound="RelaxedSort")


def method(*changing: str) -> Callable[[type[_Method]], type[_Method]]:
    """Returns a decorator that makes a frozen dataclass a relaxed sort whose numbers may change.

    Args:
        *changing: fields that may hold a traced number or a schedule, such as a temperature. A program is
            compiled once for all their values, and once for each value of the other fields.
    """

    def decorate(cls: type[_Method]) -> type[_Method]:
        fixed = [field.name for field in dataclasses.fields(cls) if field.name not in changing]  # type: ignore[arg-type]
        cls._changing = changing

        # The class is part of what is compared: to jax.tree_util.register_dataclass two methods with equal
        # fields are equal structures, and now and then one would be given what was compiled for the other.
        def flatten(self: _Method) -> tuple[list[tuple[Any, Any]], Any]:
            children = [(jax.tree_util.GetAttrKey(name), getattr(self, name)) for name in changing]
            return children, (cls, tuple(getattr(self, name) for name in fixed))

        def unflatten(aux: Any, children: Any) -> _Method:
            made = object.__new__(cls)  # unchecked: JAX puts in what is no number, too
            for name, value in zip((*changing, *fixed), (*children, *aux[1]), strict=True):
                object.__setattr__(made, name, value)
            return made

        jax.tree_util.register_pytree_with_keys(cls, flatten, unflatten)
        return cls

    return decorate


class RelaxedSort:
    """A sort without a hard permutation: what it gives are smooth functions of all elements.

    What `implementation=` takes where no permutation is needed. All of `diffsort.soft` derive from it.
    """

    name: ClassVar[str]
    # Both in one pass, and some of them, which an implementation may have, and a relaxed one has not.
    sort_with_indices: ClassVar[SortWithIndices | None] = None
    select: ClassVar[Select | None] = None
    # Whether rows are to come in ascending order; else in that of the input.
    is_presorted: ClassVar[bool] = True
    _changing: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for field in self._changing:
            check_positive(getattr(self, field), field)

    def at(self, step: Any) -> Self:
        """Returns this method with the numbers that its schedules give for a step.

        Args:
            step: the number of the step, which may be traced.

        >>> from diffsort.soft import SoftSort
        >>> SoftSort(temperature=lambda step: 1.0 / (1 + step)).at(3)
        SoftSort(temperature=0.25, standardize=False)
        """
        schedules = {f: getattr(self, f) for f in self._changing if callable(getattr(self, f))}
        return dataclasses.replace(self, **{f: schedule(step) for f, schedule in schedules.items()})  # type: ignore[type-var]

    def why_unavailable(self) -> str | None:
        """Returns why it cannot be used here, or None."""
        return None

    def resolved(self) -> Self:
        """Returns this method.

        Raises:
            ValueError: it has a schedule, and no step was given.
        """
        for field in self._changing:
            if callable(getattr(self, field)):
                raise ValueError(
                    f"{field} of {type(self).__name__} is a schedule: use .at(step), the method with the "
                    "number of that step."
                )
        return self

    def permutation(self) -> Argsort:
        """Raises a ValueError, since there is no hard permutation."""
        raise ValueError(
            f"implementation {self.name!r} is a relaxed sort without a permutation: it can sort, "
            "but not argsort, rank, top_k or rearrange other arrays; "
            "use implementation='manual' here."
        )

    def sort(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns softly sorted values; see `diffsort.sort`, and `diffsort.protocols.Sort`."""
        rows = self._rows(x, axis, where, needs_places=False)
        found = rows.keep(self._values(rows.scaled, rows.count) * rows.unit)
        return rows.like(rows.reverse(found) if descending else found, x, axis)

    def soft_rank(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns relaxed ranks; see `diffsort.soft_rank`."""
        rows = self._rows(x, axis, where)
        found = self._ranks(rows.scaled, rows.count)
        if descending:
            found = rows.valid_count.astype(found.dtype) - 1 - found
        return rows.like(rows.unplace(rows.keep(found)), x, axis)

    def soft_permutation(
        self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None
    ) -> jax.Array:
        """Returns the relaxed permutation matrices, of two new last axes; see `diffsort.soft_permutation`."""
        rows = self._rows(x, axis, where)
        found = rows.keep_both(self._matrix(rows.scaled, rows.count))
        if descending:
            found = rows.reverse(found.mT, is_matrix=True).mT
        return rows.unplace(found).astype(x.dtype)

    def top_k_mask(self, x: jax.Array, k: int, *, axis: int, where: jax.Array | None) -> jax.Array:
        """Returns how far each element is among the k greatest; see `diffsort.top_k_mask`."""
        rows = self._rows(x, axis, where)
        return rows.like(rows.unplace(rows.keep(self._top(rows.scaled, rows.count, k))), x, axis)

    # What a method defines. Rows are along the last axis, of float32 or float64, without NaN, valid elements
    # first; `count` is how many those are, int32, of length 1 along the last axis, or None where all are.
    # What is returned for the elements behind them does not count.

    def _values(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        """Returns the softly sorted values, ascending."""
        raise NotImplementedError

    def _ranks(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        """Returns the rank of each element of the rows, from 0."""
        raise NotImplementedError

    def _matrix(self, rows: jax.Array, count: jax.Array | None) -> jax.Array:
        """Returns P, of shape (..., n, n), with values P rows."""
        raise NotImplementedError

    def _top(self, rows: jax.Array, count: jax.Array | None, k: int) -> jax.Array:
        """Returns a number in [0, 1] for each element of the rows, in sum k; or 1 if there are fewer."""
        raise NotImplementedError

    def _number(self, field: str, rows: jax.Array) -> jax.Array:
        """Returns a number of this method in the dtype of the rows."""
        number = jnp.asarray(getattr(self, field))
        if number.ndim:
            raise ValueError(f"{field} has shape {number.shape}: it is one number; use jax.vmap for several.")
        return number.astype(rows.dtype)

    def _rows(self, x: jax.Array, axis: int, where: jax.Array | None, needs_places: bool = True) -> Rows:
        is_standardized = getattr(self, "standardize", False)
        return make_rows(x, axis, where, self.is_presorted, needs_places, is_standardized)


def check_positive(value: Any, name: str) -> None:
    """Checks a number that is known: not an array, which may be traced, nor a schedule.

    Raises:
        TypeError: it is no number.
        ValueError: it is not positive and finite.
    """
    if isinstance(value, (str, bool, complex, list, tuple)):
        raise TypeError(f"{name} must be a number, an array without axes or a schedule, not {value!r}.")
    if isinstance(value, float | int | np.number) and not 0 < value < math.inf:
        raise ValueError(f"{name}={value} must be positive and finite.")
