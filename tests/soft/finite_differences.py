"""Derivatives of first and second order, in both modes, against central differences, in few compilations."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np


def assert_derivatives(function: Callable[[jax.Array], jax.Array], x: np.ndarray, tolerance: float) -> None:
    """Checks a function from a vector to a vector, in float64.

    Raises:
        AssertionError: a derivative is not what differences say.
    """
    step = 1e-6
    value = jax.jit(function)
    forward = jax.jit(jax.jacfwd(function))
    backward = jax.jit(jax.jacrev(function))
    second = jax.jit(jax.jacfwd(jax.jacrev(function)))

    def differences(of: Callable[[jax.Array], jax.Array]) -> np.ndarray:
        steps = step * np.eye(x.size)
        return np.stack([(of(x + d) - of(x - d)) / (2 * step) for d in steps], -1)

    for found, expected in (
        (forward(x), differences(value)),
        (backward(x), differences(value)),
        (second(x), differences(backward)),
    ):
        scale = max(1.0, float(jnp.max(jnp.abs(expected))))
        np.testing.assert_allclose(found / scale, expected / scale, atol=tolerance)
