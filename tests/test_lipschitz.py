"""Layers that are 1-Lipschitz, and networks of them: never further apart, and no gradient lost."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import diffsort.linen
import diffsort.nnx

FEATURES = 12
Function = Callable[[Any], jax.Array]


def dense(in_features: int, out_features: int, seed: int = 0, scale: float = 1.0) -> nnx.Module:
    """An orthogonal layer whose kernel has moved away from where it began."""
    layer = diffsort.nnx.OrthogonalDense(
        in_features, out_features, param_dtype=jnp.float64, rngs=nnx.Rngs(seed)
    )
    layer.kernel[...] = layer.kernel[...] * scale
    layer.bias[...] = jnp.arange(out_features, dtype=jnp.float64)
    return layer


LAYERS: dict[str, Callable[[], Function]] = {
    "GroupSort": lambda: diffsort.nnx.GroupSort(4),
    "MaxMin": diffsort.nnx.MaxMin,
    "FullSort": diffsort.nnx.FullSort,
    "OrthogonalDense, square": lambda: dense(FEATURES, FEATURES),
    "OrthogonalDense, wider": lambda: dense(FEATURES, 20, scale=5.0),
    "OrthogonalDense, narrower": lambda: dense(FEATURES, 5, scale=5.0),
    "a network": lambda: nnx.Sequential(
        dense(FEATURES, 24, 1, 3.0),
        diffsort.nnx.MaxMin(),
        dense(24, 24, 2, 3.0),
        diffsort.nnx.GroupSort(4),
        dense(24, 8, 3, 3.0),
        diffsort.nnx.FullSort(),
        dense(8, 3, 4, 3.0),
    ),
}
KEEPS_GRADIENTS = ["GroupSort", "MaxMin", "FullSort", "OrthogonalDense, square", "OrthogonalDense, narrower"]


def points() -> np.ndarray:
    """Some at random, and two where features tie."""
    x = np.random.default_rng(0).standard_normal((20, FEATURES))
    x[0], x[1] = 0, np.round(x[1])
    return x


@pytest.mark.parametrize("name", LAYERS)
def test_nothing_moves_apart(name: str) -> None:
    random = np.random.default_rng(1)
    with jax.enable_x64(True):
        layer = jax.jit(LAYERS[name]())
        a = random.standard_normal((500, FEATURES))
        b = a + random.standard_normal(a.shape) * 10.0 ** random.integers(-4, 2, (500, 1))
        apart, before = np.linalg.norm(layer(a) - layer(b), axis=-1), np.linalg.norm(a - b, axis=-1)
        assert (apart <= before * (1 + 1e-9)).all()
        if name == "OrthogonalDense, wider":
            np.testing.assert_allclose(apart, before, rtol=1e-9)


@pytest.mark.parametrize("name", LAYERS)
def test_the_spectral_norm_of_the_jacobian(name: str) -> None:
    with jax.enable_x64(True):
        jacobians = jax.jit(jax.vmap(jax.jacobian(LAYERS[name]())))(points())
        largest = np.linalg.svd(jacobians, compute_uv=False)[:, 0]
    assert largest.max() <= 1 + 1e-6
    if name != "a network":
        np.testing.assert_allclose(largest, 1, rtol=1e-6)


@pytest.mark.parametrize("name", KEEPS_GRADIENTS)
def test_a_gradient_keeps_its_norm_on_the_way_back(name: str) -> None:
    with jax.enable_x64(True):
        layer = LAYERS[name]()
        for x in points():
            y, pull_back = jax.vjp(layer, x)
            cotangent = np.arange(1.0, y.size + 1)
            norm = np.linalg.norm(pull_back(jnp.asarray(cotangent))[0])
            np.testing.assert_allclose(norm, np.linalg.norm(cotangent), rtol=1e-9)


def test_a_network_still_is_after_training() -> None:
    model = nnx.Sequential(
        diffsort.nnx.OrthogonalDense(FEATURES, FEATURES, rngs=nnx.Rngs(0)),
        diffsort.nnx.GroupSort(4),
        diffsort.nnx.OrthogonalDense(FEATURES, 1, rngs=nnx.Rngs(1)),
    )
    x = points().astype(np.float32)
    steep = 10 * x[:, :1]  # what no 1-Lipschitz function can be
    graph, parameters = nnx.split(model, nnx.Param)

    @jax.jit
    @jax.grad
    def gradient(parameters: Any) -> jax.Array:
        return jnp.mean((nnx.merge(graph, parameters)(x) - steep) ** 2)

    for _ in range(50):
        parameters = jax.tree.map(lambda p, g: p - 0.05 * g, parameters, gradient(parameters))
    trained = nnx.merge(graph, parameters)
    slopes = np.linalg.norm(jax.vmap(jax.grad(lambda x: trained(x)[0]))(x), axis=-1)
    np.testing.assert_allclose(slopes, 1, rtol=1e-5)  # as steep as it may be, and no steeper
    assert np.mean((trained(x) - steep) ** 2) < 0.97 * np.mean((model(x) - steep) ** 2)  # it did learn
