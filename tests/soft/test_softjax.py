"""The numbers of softjax, where its definitions are those of the papers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort.soft import Permutahedron, RelaxedSort, SoftSort, SortingNetwork

X = np.random.default_rng(0).normal(size=(4, 16))
SOFTNESS = 0.3
# Its softness of projections is measured in all of the ranks. Its NeuralSort takes a soft absolute value and
# is another function; so is its transport.
TWINS = {
    "softsort": (SoftSort(SOFTNESS), "softsort", "smooth"),
    "bitonic": (SortingNetwork("bitonic", 1 / SOFTNESS), "sorting_network", "smooth"),
    "permutahedron l2": (Permutahedron(SOFTNESS * 15), "fast_soft_sort", "c0"),
    "permutahedron kl": (Permutahedron(SOFTNESS * 15, "kl"), "fast_soft_sort", "smooth"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("method", "theirs", "mode"), TWINS.values(), ids=list(TWINS))
def test_values_and_gradients_are_those_of_softjax(method: RelaxedSort, theirs: str, mode: str) -> None:
    softjax = pytest.importorskip("softjax")
    weights = np.cos(np.arange(64.0)).reshape(X.shape)

    def value_and_gradient(sort):
        return jax.value_and_grad(lambda x: jnp.sum(sort(x) * weights))(jnp.asarray(X))

    with jax.enable_x64(True):
        found = value_and_gradient(lambda x: diffsort.sort(x, implementation=method))
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            options = {"softness": SOFTNESS, "mode": mode, "method": theirs, "standardize": False}
            expected = value_and_gradient(lambda x: softjax.sort(x, -1, **options))
    for ours, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, right, rtol=1e-8, atol=1e-10)
