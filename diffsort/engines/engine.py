"""An engine: a way to find a sorting permutation and to move arrays through it, without derivatives."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from diffsort import _sharding
from diffsort.engines import gathering, xla
from diffsort.engines.primitives import is_movable, permute_p, put_p, select_p, sort_p, take_p
from diffsort.protocols import Argsort


@dataclasses.dataclass(frozen=True, repr=False)
class Engine:
    """How permutations are found and applied.

    Attributes:
        name: "native" for the kernel, "best" for the kernel where it runs and XLA elsewhere, "xla" for XLA
            alone, or the name of one that was registered.
        find: the permutation in terms of JAX, for programs that do not call the kernel.
        why_unavailable: tells why it cannot be used here, or None.
    """

    name: str
    find: Argsort = xla.argsort
    why_unavailable: Callable[[], str | None] = dataclasses.field(default=lambda: None, compare=False)

    @property
    def uses_kernel(self) -> bool:
        """Whether it calls the kernel where that runs."""
        return self.name in ("native", "best")

    def argsort(
        self,
        x: jax.Array,
        *,
        axis: int,
        descending: bool,
        where: jax.Array | None,
        ties_reversed: bool = False,
        dtype: DTypeLike = jnp.int32,
    ) -> jax.Array:
        """Returns the stable sorting permutation.

        Args:
            x: any real dtype; 0 where it is masked.
            axis: non-negative.
            descending: order from the greatest down.
            where: boolean, of the shape of `x`; masked elements come last.
            ties_reversed: of equal elements the last comes first, not the first.
            dtype: of the indices: int32, or uint16 where it can count the elements.
        """
        return self._sort(x, where, axis, descending, ties_reversed, indices=dtype)[0]

    def sort_with_indices(
        self,
        x: jax.Array,
        *,
        axis: int,
        descending: bool,
        where: jax.Array | None,
        ties_reversed: bool = False,
        dtype: DTypeLike = jnp.int32,
    ) -> tuple[jax.Array, jax.Array]:
        """Returns values and permutation in one pass; arguments as for `argsort`."""
        values, indices = self._sort(x, where, axis, descending, ties_reversed, values=True, indices=dtype)
        return values, indices

    def sort(self, x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        """Returns the values alone, equal ones as in `ties_reversed=descending`."""
        return self._sort(x, where, axis, descending, descending, values=True)[0]

    def select(
        self,
        x: jax.Array,
        *,
        axis: int,
        start: int,
        stop: int,
        descending: bool,
        where: jax.Array | None,
    ) -> tuple[jax.Array, jax.Array]:
        """Returns values and int32 indices of the ranks from `start` up to `stop`; 0 ≤ start < stop ≤ n."""
        values, indices = select_p.bind(
            *_sharding.match_varying(*([x] if where is None else [x, where])),
            trailing=x.ndim - 1 - axis,
            start=start,
            stop=stop,
            descending=descending,
            ties_reversed=False,
            engine=self,
        )
        return values, indices

    def take(self, x: jax.Array, indices: jax.Array, axis: int) -> jax.Array:
        """Returns the elements that a selection chose; linear, and the transpose of `put`."""
        x, indices = _sharding.match_varying(x, indices)
        return take_p.bind(x, indices, trailing=x.ndim - 1 - axis, engine=self)[0]

    def put(self, values: jax.Array, indices: jax.Array, axis: int, length: int) -> jax.Array:
        """Returns zeros of that length along `axis`, and the values where they were selected from."""
        values, indices = _sharding.match_varying(values, indices)
        return put_p.bind(values, indices, trailing=values.ndim - 1 - axis, length=length, engine=self)[0]

    def gather(self, x: jax.Array, indices: jax.Array, axis: int, *, is_trusted: bool = True) -> jax.Array:
        """Applies a permutation, as `gathering.gather` does."""
        return self._move(x, indices, axis, inverse=False, is_trusted=is_trusted)

    def scatter(self, x: jax.Array, indices: jax.Array, axis: int, *, is_trusted: bool = True) -> jax.Array:
        """Applies the inverse of a permutation, as `gathering.scatter` does."""
        return self._move(x, indices, axis, inverse=True, is_trusted=is_trusted)

    def _sort(
        self,
        x: jax.Array,
        where: jax.Array | None,
        axis: int,
        descending: bool,
        ties_reversed: bool,
        *,
        values: bool = False,
        indices: DTypeLike | None = None,
    ) -> list[jax.Array]:
        return sort_p.bind(
            *_sharding.match_varying(*([x] if where is None else [x, where])),
            trailing=x.ndim - 1 - axis,
            values=values,
            index_dtype=None if indices is None else jnp.dtype(indices),
            descending=descending,
            ties_reversed=ties_reversed,
            engine=self,
        )

    def _move(
        self, x: jax.Array, indices: jax.Array, axis: int, *, inverse: bool, is_trusted: bool
    ) -> jax.Array:
        is_known = indices.dtype in (jnp.int32, jnp.uint16) and is_movable(x.dtype)
        if is_known and self.uses_kernel and x.shape[axis:] == indices.shape[axis:]:
            operands = _sharding.match_varying(x, jnp.broadcast_to(indices, x.shape))
            params = {"inverse": inverse, "is_trusted": is_trusted, "engine": self}
            return permute_p.bind(*operands, trailing=x.ndim - 1 - axis, **params)[0]
        # Whole rows move better in XLA, and better from their places than to them.
        x, indices = _sharding.match_varying(x, indices)
        if is_known and self.uses_kernel and inverse and is_trusted:
            places = lax.broadcasted_iota(jnp.int32, indices.shape, axis)
            return gathering.gather(x, self.scatter(places, indices, axis), axis)
        return gathering.move(x, indices, axis, inverse=inverse, is_trusted=is_trusted)

    def __repr__(self) -> str:
        return f"Engine({self.name!r})"  # which is what a jaxpr shows


def narrow_dtype(n: int) -> DTypeLike:
    """The least dtype that counts `n` elements: half the memory for what is kept until the backward pass."""
    is_small = isinstance(n, int) and n <= 2**16  # not so for symbolic sizes, in an export
    return jnp.uint16 if is_small else jnp.int32
