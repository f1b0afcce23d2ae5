"""SoftSort in linear time: against its matrix, and the recurrence that it is made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort import engines
from diffsort.soft import SoftSort
from diffsort.soft._kernels import recurrence

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(5, 17))
X[0, 3] = X[0, 5]
WHERE = RANDOM.random(X.shape) < 0.7
WHERE[4] = False


def matrix(x: np.ndarray, temperature: float) -> np.ndarray:
    """The definition: a softmax of distances from the element of each rank."""
    weights = np.exp(-np.abs(np.sort(x)[:, None] - x[None, :]) / temperature)
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.01, 0.3, 10.0])
def test_it_is_its_definition(temperature: float) -> None:
    with jax.enable_x64(True):
        method = {"where": WHERE, "implementation": SoftSort(temperature)}
        ops = (diffsort.sort, diffsort.soft_rank, diffsort.soft_permutation)
        values, ranks, matrices = (np.asarray(op(X, **method)) for op in ops)
        masks = np.asarray(diffsort.top_k_mask(X, 3, **method))
    for i, (x, where) in enumerate(zip(X, WHERE, strict=True)):
        n, expected = where.sum(), matrix(x[where], temperature)
        np.testing.assert_allclose(values[i, :n], expected @ x[where], atol=1e-12)
        np.testing.assert_allclose(ranks[i, where], np.arange(n) @ expected, atol=1e-12)
        np.testing.assert_allclose(matrices[i][:n, where], expected, atol=1e-12)
        top = expected[n - 3 :].sum(0) if n else np.zeros(0)
        if (top <= 1).all():  # else the nearest mask is taken
            np.testing.assert_allclose(masks[i, where], top, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
def test_its_derivative_is_that_of_the_dense_form(temperature: float) -> None:
    def dense(x: jax.Array, t: jax.Array) -> jax.Array:
        ordered = jnp.sort(x)
        return jax.nn.softmax(-jnp.abs(ordered[:, None] - x[None, :]) / t, -1) @ x

    with jax.enable_x64(True):
        x, t = jnp.asarray(X[1]), jnp.array(temperature)
        linear = jax.jit(lambda x, t: diffsort.sort(x, implementation=SoftSort(t)))
        for order in (jax.jacrev, jax.jacfwd, lambda f, argnums: jax.jacfwd(jax.jacrev(f, argnums), argnums)):
            found, expected = (jax.jit(order(f, argnums=(0, 1)))(x, t) for f in (linear, dense))
            for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
                np.testing.assert_allclose(a, b, atol=1e-9 / temperature**2)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_recurrence_is_a_loop(dtype: str, reverse: bool) -> None:
    with jax.enable_x64(dtype == "float64"):
        a, b = (jnp.asarray(RANDOM.normal(size=(7, 9)), dtype) for _ in range(2))
        expected, last = np.zeros((7, 9)), np.zeros(7)
        for k in reversed(range(9)) if reverse else range(9):
            last = np.asarray(a)[:, k] * last + np.asarray(b)[:, k]
            expected[:, k] = last
        for engine in (engines.BEST, engines.ENGINES["xla"]):
            np.testing.assert_allclose(
                recurrence(a, b, reverse=reverse, engine=engine), expected, rtol=1e-4, atol=1e-4
            )


@pytest.mark.parametrize("implementation", ["softsort", "lapsum"])
def test_memory_grows_as_the_row_does(implementation: str) -> None:
    def bytes_of(n: int) -> int:
        x = jax.ShapeDtypeStruct((n,), jnp.float32)
        gradient = jax.grad(lambda x: jnp.sum(diffsort.sort(x, implementation=implementation) ** 2))
        return jax.jit(gradient).lower(x).compile().memory_analysis().temp_size_in_bytes

    assert bytes_of(200_000) < 11 * bytes_of(20_000)
