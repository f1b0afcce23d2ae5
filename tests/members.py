"""Everything that sorts, called alike: what holds for all of it is checked over this table."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import diffsort
from tests.losses.cases import CASES as LOSSES
from tests.statistics.test_every_statistic import STATISTICS

N = 10


@dataclasses.dataclass(frozen=True)
class Member:
    """An op, a statistic or a loss, as a function of one array of rows.

    Attributes:
        call: called with rows (..., N), a mask of them or None, and an implementation; returns an array.
        reduces: whether it is of each row as a whole.
    """

    call: Callable[..., jax.Array]
    reduces: bool = True

    def __call__(self, x: Any, where: Any = None, implementation: Any = "manual") -> jax.Array:
        """Calls it along the last axis."""
        return self.call(x, where, implementation)


def _op(op: Callable[..., Any], pick: Callable[[Any], jax.Array] = lambda out: out) -> Member:
    def call(x: Any, where: Any, implementation: Any) -> jax.Array:
        return pick(op(x, where=where, implementation=implementation))

    return Member(call, reduces=False)


def _statistic(statistic: Callable[..., jax.Array]) -> Member:
    return Member(
        lambda x, where, implementation: statistic(x, axis=-1, where=where, implementation=implementation)
    )


def _loss(name: str) -> Member:
    """A loss of the rows, and of other numbers if it takes two samples."""
    case = LOSSES[name]

    def call(x: Any, where: Any, implementation: Any) -> jax.Array:
        others = [
            jnp.broadcast_to(jnp.asarray(OTHERS[:n], x.dtype), (*x.shape[:-1], n))
            for n in case.lengths[-1][1:]
        ]
        masks = (where, *[None] * len(others))
        return case.loss((x, *others), masks, -1, implementation)

    return Member(call)


def _segments(op: Callable[..., jax.Array], reduces: bool = True) -> Member:
    """An op over the even and the odd elements of each row; masked ones are of no segment."""

    def call(x: Any, where: Any, implementation: Any) -> jax.Array:
        if x.ndim > 1:
            masks = None if where is None else jnp.broadcast_to(where, x.shape)
            return jax.vmap(call, (0, None if where is None else 0, None))(x, masks, implementation)
        return op(x, _even_or_odd(x, where), 2, implementation=implementation)

    return Member(call, reduces)


@jax.jit
def _even_or_odd(x: Any, where: Any) -> jax.Array:
    ids = jax.lax.iota(jnp.int8, x.shape[0]) & np.int8(1)
    return ids if where is None else jnp.where(where, ids, np.int8(2))


def _weighed_by_rank(x: Any, *ids: Any, **options: Any) -> jax.Array:
    weights = diffsort.segment_places(*ids).position.astype(x.dtype)
    return diffsort.segment_l_statistic(x, weights, *ids, **options)


OTHERS = np.float32([0.25, -1.5, 0.75, 2.5, -0.125, 1.0, -2.0, 0.5, 3.0, -0.75])
WEIGHTS = np.float32([1, -2, 4, 3, -1, 2, 5, -3, 1, 2])


@jax.jit
def _visible(x: Any, where: Any) -> jax.Array:
    return x if where is None else jnp.where(where, x, jnp.zeros_like(x))


OPS = {
    "sort": _op(diffsort.sort),
    "sort descending": _op(partial(diffsort.sort, descending=True)),
    "sort_with_indices": _op(diffsort.sort_with_indices, lambda out: out[0]),
    "sort_key_val": _op(lambda x, **o: diffsort.sort_key_val(x, x, **o), lambda out: out[1]),
    "sort_key_val, two keys": _op(
        lambda x, **o: diffsort.sort_key_val((jnp.signbit(x), x), x, **o), lambda out: out[1]
    ),
    "top_k": _op(lambda x, **o: diffsort.top_k(x, min(3, x.shape[-1]), **o), lambda out: out[0]),
    "permute": _op(lambda x, **o: diffsort.permute(_visible(x, o["where"]), diffsort.rank(x, **o))),
    "segment_sort": _segments(diffsort.segment_sort, reduces=False),
    "segment_top_k": _segments(
        lambda x, *ids, **o: diffsort.segment_top_k(x, 2, *ids, **o)[0], reduces=False
    ),
}
REDUCTIONS = {
    "l_statistic": _op(
        lambda x, **o: diffsort.l_statistic(x, jnp.asarray(WEIGHTS[: x.shape[-1]], x.dtype), **o)
    ),
    **{
        name: _statistic(STATISTICS[name][0])
        for name in (
            *("quantile 0.37 linear", "quantile 0.37 nearest", "median", "order_statistic -1"),
            *("trimmed_mean 0.1", "winsorized_mean 0.3", "superquantile 0.77", "l_moments"),
            "gini_mean_difference",
            *("quantile 0.37 weibull of weights", "median of weights", "trimmed_mean 0.3 of weights"),
        )
    },
    "segment_quantile": _segments(lambda x, *ids, **o: diffsort.segment_quantile(x, 0.37, *ids, **o)),
    "segment_l_statistic": _segments(_weighed_by_rank),
    **{name: _loss(name) for name in LOSSES},
}
MEMBERS: dict[str, Member] = OPS | REDUCTIONS


def rows(shape: tuple[int, ...] = (3, N), dtype: Any = np.float32, seed: int = 0) -> np.ndarray:
    """Numbers without ties."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def some_mask(shape: tuple[int, ...] = (3, N)) -> np.ndarray:
    """A mask that hides something in each row."""
    return np.broadcast_to(np.arange(shape[-1]) % 4 != 1, shape)
