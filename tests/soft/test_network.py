"""Relaxed sorting networks: against comparators one by one, in NumPy; the kernel against JAX."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort import engines
from diffsort.soft import SortingNetwork, network
from tests.soft.network_oracle import network as oracle

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 6))
WHERE = np.array([[1, 1, 1, 1, 1, 1], [0, 1, 1, 0, 1, 1], [0, 0, 1, 0, 0, 0], [1, 1, 0, 1, 1, 1]], bool)
WEIGHTS = RANDOM.normal(size=(4, 6))
KINDS, ACTIVATIONS = ("odd_even", "bitonic"), ("logistic", "cauchy", "optimal")

both_kinds = pytest.mark.parametrize("kind", KINDS)
# Few of them where programs are large: the kernel is tested with all.
some_networks = pytest.mark.parametrize(
    ("kind", "activation"), [("odd_even", "logistic"), ("bitonic", "cauchy"), ("odd_even", "optimal")]
)
all_networks = pytest.mark.parametrize(("kind", "activation"), [*itertools.product(KINDS, ACTIVATIONS)])


def everything(x: jax.Array, where: jax.Array | None, method: SortingNetwork) -> tuple[jax.Array, ...]:
    """Values, ranks, which are the two greatest, and the matrix."""
    options: dict[str, Any] = {"where": where, "implementation": method}
    return (
        diffsort.sort(x, **options),
        diffsort.soft_rank(x, **options),
        diffsort.top_k_mask(x, 2, **options),
        diffsort.soft_permutation(x, **options),
    )


def expected(x: np.ndarray, where: np.ndarray, *network: Any) -> tuple[np.ndarray, ...]:
    """The same of one row."""
    n = len(x)
    values, ranks, top, matrix = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros((n, n))
    count = where.sum()
    values[:count], p = oracle(x[where], *network)
    ranks[where] = p.T @ np.arange(count)
    top[where] = p[max(count - 2, 0) :].sum(0)
    matrix[np.ix_(np.arange(n) < count, where)] = p
    return values, ranks, top, matrix


def weighed(found: tuple[Any, ...]) -> Any:
    """A number of which the gradient is taken."""
    return sum((w[(None,) * (f.ndim - 1)] * f).sum() for w, f in zip(WEIGHTS, found, strict=True))


@some_networks
def test_it_is_its_comparators_one_by_one(kind: Any, activation: Any) -> None:
    method = SortingNetwork(kind, activation=activation)
    with jax.enable_x64(True):
        masked = jax.jit(
            lambda x, steepness: everything(x, WHERE, SortingNetwork(kind, steepness, activation))
        )
        for steepness in (0.5, 30.0):
            for found, *by_row in zip(
                masked(X, steepness),
                *(expected(x, where, kind, steepness, activation) for x, where in zip(X, WHERE, strict=True)),
                strict=True,
            ):
                np.testing.assert_allclose(found, np.stack(by_row), atol=1e-10)
        for found, right in zip(
            everything(X[1], None, method),
            expected(X[1], np.ones(6, bool), kind, 10.0, activation),
            strict=True,
        ):
            np.testing.assert_allclose(found, right, atol=1e-10)


@pytest.mark.parametrize(("kind", "activation"), [("odd_even", "optimal"), ("bitonic", "cauchy")])
def test_its_gradient_is_that_of_its_comparators(kind: Any, activation: Any) -> None:
    x, where, steepness, step = X[3], WHERE[3], 2.0, 1e-6

    def number(x: np.ndarray, steepness: float) -> Any:
        return weighed(expected(x, where, kind, steepness, activation))

    slopes = [(number(x + d, steepness) - number(x - d, steepness)) / (2 * step) for d in step * np.eye(6)]
    by_steepness = (number(x, steepness + step) - number(x, steepness - step)) / (2 * step)
    with jax.enable_x64(True):
        found = jax.grad(
            lambda x, b: weighed(everything(x, where, SortingNetwork(kind, b, activation))), (0, 1)
        )(x, steepness)
    np.testing.assert_allclose(found[0], slopes, atol=1e-7)
    np.testing.assert_allclose(found[1], by_steepness, atol=1e-7)


def kernel_arguments(shape: tuple[int, ...], dtype: Any) -> tuple[np.ndarray, ...]:
    """Elements, steepness, counts, w and u."""
    random = np.random.default_rng(1)
    x, w, u = random.normal(size=(3, *shape)).astype(dtype)
    count = random.integers(0, shape[-1] + 1, (*shape[:-1], 1)).astype(np.int32)
    count.flat[0] = shape[-1]
    return x, random.uniform(0.5, 20, count.shape).astype(dtype), count, w, u


# Rows in lanes of their own, with some left over; and few over several lanes.
@pytest.mark.parametrize("shape", [(19, 7), (1, 75), (2, 3, 40)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@all_networks
def test_the_kernel_on_many_rows_and_lanes(
    shape: tuple[int, ...], dtype: Any, kind: str, activation: str
) -> None:
    settings: Any = {"bitonic": kind == "bitonic", "sigmoid": ACTIVATIONS.index(activation)}
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    with jax.enable_x64(dtype == np.float64):
        x, steepness, count, w, u = kernel_arguments(shape, dtype)
        values, back = jax.vjp(lambda x: network._values(x, steepness, count, **settings), x)
        carried, carried_back = jax.vjp(lambda x: network._transposed(x, steepness, count, w, **settings), x)
        found = [values, carried, back(w)[0], carried_back(u)[0]]
        rows = [np.asarray(a).reshape(-1, a.shape[-1]) for a in (x, steepness, count, w, u, *found)]
    step = 1e-6 * np.cos(np.arange(shape[-1]))
    for a, b, c, v, t, *by_kernel in zip(*rows, strict=True):
        n = c[0]

        def compute(
            a: np.ndarray, n: int = n, b: np.ndarray = b, v: np.ndarray = v
        ) -> tuple[np.ndarray, np.ndarray]:
            values, p = oracle(a[:n], kind, float(b[0]), activation)
            return values, p.T @ v[:n]

        (more, more_carried), (less, less_carried) = compute(a + step), compute(a - step)
        slopes = (more - less) @ v[:n] / 2, (more_carried - less_carried) @ t[:n] / 2
        for one, other in zip(by_kernel, compute(a), strict=False):
            np.testing.assert_allclose(one[:n], other, atol=tolerance)
        for one, slope in zip(by_kernel[2:], slopes, strict=True):
            np.testing.assert_allclose(one[:n] @ step[:n], slope, rtol=1e-3, atol=1e-4 * 1e-6 * shape[-1])


def test_jax_computes_what_the_kernel_does() -> None:
    x, steepness, count, w, u = kernel_arguments((3, 5), np.float64)

    def both(engine: Any, x: jax.Array) -> Any:
        run: dict[str, Any] = {"engine": engine, "sigmoid": 1}
        for bitonic in (False, True):
            yield network._values(x, steepness, **run, bitonic=bitonic)
            yield network._transposed(x, steepness, count, w, **run, bitonic=bitonic)

    with jax.enable_x64(True):
        found, right = (
            jax.jit(lambda x, engine=engine: jax.vjp(lambda x: [*both(engine, x)], x)[1]([u] * 4)[0])(x)
            for engine in (engines.BEST, engines.ENGINES["xla"])
        )
        np.testing.assert_allclose(found, right, atol=1e-12)


@both_kinds
def test_rows_and_columns_of_its_matrix_sum_to_one(kind: Any) -> None:
    matrix = diffsort.soft_permutation(jnp.asarray(X, jnp.float32), implementation=kind)
    for axis in (-1, -2):
        np.testing.assert_allclose(matrix.sum(axis), 1, atol=1e-6)
    assert np.all(matrix >= 0)


@all_networks
def test_what_is_far_apart_is_sorted_exactly(kind: Any, activation: Any) -> None:
    method = SortingNetwork(kind, activation=activation)
    inf = np.inf
    x = jnp.asarray([3e38, inf, -3e38, -inf, inf, 0.0, 0.0], jnp.float32)
    found, pull_back = jax.vjp(lambda x: diffsort.sort(x, implementation=method), x)
    np.testing.assert_array_equal(found, np.sort(x))
    (gradient,) = pull_back(jnp.arange(7.0))
    np.testing.assert_allclose(gradient, [4, 5.5, 1, 0, 5.5, 2.5, 2.5], rtol=1e-6)


@both_kinds
def test_second_derivatives_where_elements_are_equal(kind: Any) -> None:
    with jax.enable_x64(True):
        x = jnp.asarray([1.0, 1.0, 0.5, 1.0])
        first = jax.jit(jax.grad(lambda x: diffsort.sort(x, implementation=kind) @ jnp.arange(4.0) ** 2))
        slopes = [(first(x + d) - first(x - d)) / 2e-5 for d in 1e-5 * np.eye(4)]
        np.testing.assert_allclose(jax.jacfwd(first)(x), slopes, atol=1e-6)


@pytest.mark.slow
def test_it_is_the_network_of_softjax() -> None:
    softjax = pytest.importorskip("softjax")
    x = jnp.asarray(RANDOM.normal(size=(5, 16)), jnp.float32)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        right = softjax.sort(
            x, axis=-1, softness=0.1, mode="smooth", method="sorting_network", standardize=False
        )
    np.testing.assert_allclose(diffsort.sort(x, implementation="bitonic"), right, atol=1e-6)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="kind='bubble' must be one of 'odd_even', 'bitonic'"):
        SortingNetwork("bubble")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="activation='relu' must be one of 'logistic', 'cauchy', 'optimal'"):
        SortingNetwork(activation="relu")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"steepness=0.0 must be positive"):
        SortingNetwork(steepness=0.0)
