"""Transport: against ott-jax and the hard sort, its masks, its derivatives, and what takes it."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from jax.test_util import check_grads

import diffsort
import diffsort.linen
import diffsort.nnx
from diffsort.soft import Transport
from tests.oracles import assert_same_bits

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(2.0, 3.0, (4, 12)).astype(np.float32)
WHERE = RANDOM.random((4, 12)) < 0.7
WHERE[3] = False
HELD = np.where(WHERE, X, np.where(RANDOM.random(X.shape) < 0.5, np.nan, np.inf)).astype(np.float32)

with_ott = pytest.mark.skipif(Transport().why_unavailable() is not None, reason="ott-jax is not installed")
sort = functools.partial(diffsort.sort, implementation="ott")


def sort_by(
    x: jax.Array, axis: int = -1, *, where: Any = None, descending: bool = False, **settings: Any
) -> jax.Array:
    return sort(x, axis, where=where, descending=descending, implementation=Transport(**settings))


converged = functools.partial(sort_by, epsilon=0.05, threshold=1e-11, max_iterations=10_000)


def weighted(x: jax.Array, sort: Callable[..., jax.Array] = sort, **options: Any) -> jax.Array:
    weights = jnp.arange(1.0, x.size + 1, dtype=x.dtype).reshape(x.shape)
    return jnp.sum(jnp.sin(weights) * sort(x, **options))


@with_ott
@pytest.mark.filterwarnings("ignore:JAXopt is no longer maintained")
def test_it_is_the_soft_sort_of_ott() -> None:
    from ott.tools import soft_sort

    options = {"epsilon": 0.02, "threshold": 1e-9, "max_iterations": 20_000}
    with jax.enable_x64(True):
        x = X.astype(np.float64)
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            expected = soft_sort.sort(jnp.asarray(x), **options)
        np.testing.assert_allclose(sort_by(x, **options), expected, atol=1e-6)


@with_ott
def test_it_is_near_the_hard_sort_and_nearer_with_a_smaller_epsilon() -> None:
    x = np.random.default_rng(1).normal(size=(32, 64)).astype(np.float32)
    errors = [
        np.sqrt(np.mean((sort_by(x, epsilon=epsilon) - np.sort(x)) ** 2)) for epsilon in (0.01, 0.001, 0.0001)
    ]
    np.testing.assert_array_less(errors, [0.16, 0.05, 0.01])
    np.testing.assert_allclose(sort_by(x, epsilon=1e-6), np.sort(x), atol=0.01)


@with_ott
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_it_sorts_every_slice_by_itself(axis: int, descending: bool, masked: bool) -> None:
    x = HELD if masked else X
    where = WHERE if masked else np.ones_like(WHERE)
    found = np.moveaxis(sort(x, axis, descending=descending, where=where if masked else None), axis, -1)
    for row, values, valid in zip(found, np.moveaxis(x, axis, -1), np.moveaxis(where, axis, -1), strict=True):
        count = valid.sum()
        alone = np.sort(sort(values[valid]))
        np.testing.assert_allclose(row[:count], alone[::-1] if descending else alone, atol=1e-4)
        np.testing.assert_array_equal(row[count:], 0)


@with_ott
def test_the_order_of_the_elements_changes_no_bit() -> None:
    assert_same_bits(sort(X[:, RANDOM.permutation(12)]), sort(X))


@with_ott
def test_it_scales_and_shifts_with_its_elements() -> None:
    np.testing.assert_allclose(sort(100 + 3 * X), 100 + 3 * sort(X), rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e20, 1e30])
@with_ott
def test_no_scale_is_too_small_or_too_large(scale: float) -> None:
    once, expected = (f(jnp.asarray(X)) for f in (sort, jax.grad(weighted)))
    scaled = jnp.asarray(X * np.float32(scale))
    np.testing.assert_allclose(sort(scaled) / np.float32(scale), once, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(jax.grad(weighted)(scaled), expected, rtol=1e-2, atol=1e-2)


@with_ott
def test_masked_elements_reach_no_gradient() -> None:
    gradient = jax.grad(weighted)(jnp.asarray(HELD), where=WHERE)
    np.testing.assert_array_equal(gradient[~WHERE], 0)
    assert np.isfinite(gradient).all()
    assert_same_bits(gradient, jax.grad(weighted)(jnp.where(WHERE, X, 7.0), where=WHERE))


@with_ott
@pytest.mark.parametrize("value", [0.0, 0.1, -3e5])
def test_equal_elements_share_a_gradient(value: float) -> None:
    x = jnp.full((5,), value)
    np.testing.assert_allclose(sort(x), x, rtol=1e-6)
    np.testing.assert_allclose(jax.jacrev(sort)(x), np.full((5, 5), 0.2), rtol=1e-5)


@with_ott
@pytest.mark.parametrize(
    ("options", "order"),
    [pytest.param({}, 2, marks=pytest.mark.slow), ({"descending": True, "where": WHERE[:2, :5]}, 1)],
    ids=["second", "masked"],
)
def test_derivatives_are_those_of_the_function(options: dict[str, Any], order: int) -> None:
    with jax.enable_x64(True):
        x = jnp.asarray(X[:2, :5], jnp.float64)
        check_grads(jax.jit(functools.partial(converged, **options)), (x,), order, rtol=1e-4)


@with_ott
def test_an_early_end_costs_the_derivative_little() -> None:
    exact = jax.jacrev(lambda x: sort_by(x, threshold=1e-5))(X[:2])
    np.testing.assert_allclose(jax.jacrev(sort_by)(X[:2]), exact, atol=0.005)


@with_ott
def test_transformations_commute() -> None:
    gradient = jax.jit(jax.grad(weighted))
    expected = jnp.stack([*map(gradient, X)])
    np.testing.assert_allclose(jax.vmap(gradient)(X), expected, rtol=1e-4, atol=1e-4)
    _, tangent = jax.jvp(sort, (X,), (X,))
    np.testing.assert_allclose(tangent, sort(X), rtol=1e-3, atol=1e-3)  # it is homogeneous, of degree 1
    rows = jax.checkpoint(lambda _, row: (None, gradient(row)))
    mesh = jax.make_mesh((1,), ("batch",))
    sharded = jax.shard_map(
        lambda x: jax.lax.scan(rows, None, x)[1], mesh=mesh, in_specs=P(), out_specs=P(), check_vma=False
    )
    np.testing.assert_allclose(jax.jit(sharded)(X), expected, rtol=1e-4, atol=1e-4)


@with_ott
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_fills_its_slice_and_no_other(bad: float) -> None:
    x = jnp.asarray(X).at[1, 2].set(bad)
    found = sort(x)
    assert np.isnan(found[1]).all()
    assert_same_bits(found[2:], sort(X)[2:])


@with_ott
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_dtypes(dtype: str) -> None:
    with jax.enable_x64(dtype == "float64"):
        x = jnp.asarray(X, dtype)
        found = sort(x)
        assert found.dtype == dtype
        assert jax.grad(weighted)(x).dtype == dtype
        np.testing.assert_allclose(found.astype(jnp.float32), sort(X), atol=0.05)


@with_ott
@pytest.mark.parametrize("shape", [(0, 4), (3, 0), (3, 1), (3, 2)], ids=str)
def test_small_shapes(shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)[:, ::-1]
    np.testing.assert_allclose(sort_by(x), np.sort(x), atol=1e-5)


@with_ott
def test_bad_arguments() -> None:
    with pytest.raises(TypeError, match=r"x must be floating, not int32; use x.astype\(float\)"):
        sort(jnp.arange(3))
    for name in ("epsilon", "threshold"):
        for value in (0, -1, float("nan")):
            with pytest.raises(ValueError, match=f"{name}={value} must be positive"):
                Transport(**{name: value})
    with pytest.raises(ValueError, match="max_iterations=0 must be at least 1"):
        Transport(max_iterations=0)


def test_without_ott_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ott", None)
    match = r"it needs ott-jax; pip install ott-jax"
    for implementation in ("ott", Transport(), "straight_through:ott"):
        with pytest.raises(ValueError, match=f"ott' is not available: {match}. Use 'manual'"):
            diffsort.sort(X, implementation=implementation)
    assert "ott" in diffsort.implementation_names()
