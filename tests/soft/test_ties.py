"""Derivatives where elements are equal: those of the smooth function, not of what finds the order."""

import jax
import jax.numpy as jnp
import numpy as np

import diffsort
from diffsort.soft import LapSum


def test_of_equal_elements_they_are_the_limit_of_those_of_near_ones() -> None:
    where = np.array([True, True, False, True, True, True])
    x = np.array([1.0, 1.7, np.nan, 1.0, 1.0, 1.7])
    apart = 1e-7 * np.array([1, 5, 0, -3, 2, 4])

    @jax.jit
    def jacobians(x: jax.Array) -> list[jax.Array]:
        options = {"where": where, "implementation": LapSum(0.3)}

        def everything(x: jax.Array) -> list[jax.Array]:
            return [
                diffsort.sort(x, **options),
                diffsort.soft_rank(x, **options),
                diffsort.top_k_mask(x, 2, **options),
                diffsort.soft_permutation(x, **options),
            ]

        return jax.jacrev(everything)(x)

    with jax.enable_x64(True):
        for at, near in zip(jacobians(jnp.asarray(x)), jacobians(jnp.asarray(x + apart)), strict=True):
            assert np.abs(at).max() > 0.1
            np.testing.assert_allclose(at, near, atol=1e-5)
