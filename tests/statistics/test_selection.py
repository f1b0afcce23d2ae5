"""Statistics of a few ranks select these; a mask of nothing makes them sort, for the same result."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort import losses
from tests.oracles import IMPLEMENTATIONS, assert_same_bits
from tests.test_manual import equations

N = 1100
SELECTING: dict[str, Callable[..., jax.Array]] = {
    "order_statistic": partial(diffsort.order_statistic, k=17),
    "order_statistic from above": partial(diffsort.order_statistic, k=-1),
    "median": diffsort.median,
    **{
        f"quantile {method}": partial(diffsort.quantile, q=np.array([0.9, 0.97]), method=method)
        for method in ("linear", "closest_observation", "averaged_inverted_cdf", "weibull")
    },
    "quantile 0": partial(diffsort.quantile, q=0),
    "superquantile": partial(diffsort.superquantile, level=0.93),
    "trimmed_mean": partial(diffsort.trimmed_mean, proportion=0.46),
    "cvar": partial(losses.cvar, level=0.999),
    "average_top_k": partial(losses.average_top_k, k=5),
    "ranked_range": partial(losses.ranked_range, k=50, m=20),
    "trimmed": partial(losses.trimmed, proportion=0.9),
}
SORTING: dict[str, Callable[..., jax.Array]] = {
    "quantiles far apart": partial(diffsort.quantile, q=np.array([0.1, 0.9])),
    "a quantile that is not known": lambda x, axis, **options: jax.jit(
        lambda q: diffsort.quantile(x, q, axis=axis, **options)
    )(0.5),
    "most of the elements": partial(diffsort.trimmed_mean, proportion=0.1),
    "all": partial(losses.average_top_k, k=1000),
}


def rows(n: int = N) -> np.ndarray:
    """Some infinite ones, and ties, among them."""
    x = np.random.default_rng(0).standard_normal((3, n)).round(1)
    x[0, :3] = -np.inf, np.inf, np.inf
    return x


def selects(statistic: Callable[..., jax.Array], x: Any, **options: Any) -> bool:
    program = jax.make_jaxpr(lambda x: statistic(x, axis=-1, **options))(x)
    return any(e.primitive.name == "diffsort_select" for e in equations(program))


@pytest.mark.parametrize("name", SELECTING)
def test_selected_or_sorted_they_are_the_same(name: str) -> None:
    statistic = partial(SELECTING[name], axis=-1)
    with jax.enable_x64(True):
        x = jnp.asarray(rows())

        def everything(where: np.ndarray | None) -> list[jax.Array]:
            value, pull_back = jax.vjp(partial(statistic, where=where), x)
            return [value, pull_back(jnp.ones_like(value))[0]]

        assert selects(SELECTING[name], x)
        for found, expected in zip(everything(None), everything(np.ones(x.shape, bool)), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["median", "average_top_k"])
def test_every_implementation_gives_the_same(name: str) -> None:
    def everything(x: jax.Array, implementation: str) -> list[jax.Array]:
        value, pull_back = jax.vjp(partial(SELECTING[name], axis=-1, implementation=implementation), x)
        return [value, pull_back(jnp.ones_like(value))[0]]

    x = jnp.asarray(rows().astype(np.float32))
    expected, *others = (
        jax.jit(everything, static_argnames="implementation")(x, name) for name in IMPLEMENTATIONS
    )
    for found in others:
        jax.tree.map(assert_same_bits, found, expected)
    relaxed = SELECTING[name](x[1:], axis=-1, implementation=diffsort.soft.SoftSort(1e-4))
    np.testing.assert_allclose(relaxed, expected[0][1:], atol=1e-3)


@pytest.mark.parametrize("name", SORTING)
def test_the_rest_is_sorted(name: str) -> None:
    assert not selects(SORTING[name], rows())


def test_short_rows_and_masked_and_weighed_ones_are_sorted() -> None:
    assert not selects(diffsort.median, rows(650))
    assert not selects(diffsort.median, rows(), where=np.ones(N, bool))
    assert not selects(diffsort.median, rows(), weights=np.ones(N, np.float32))


def test_a_nan_is_passed_on() -> None:
    x = rows()
    x[1, 5] = np.nan
    assert np.isnan(losses.average_top_k(x, 5)).tolist() == [False, True, False]
