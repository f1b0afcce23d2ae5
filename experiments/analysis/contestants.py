"""Who competes: the implementations of the sort that JAX compiles."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

import diffsort

ForwardAndBackward = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def implementations() -> tuple[str, ...]:
    """Returns `manual`, each of its engines by name, and the two that it is compared to."""
    engines = (name for name in diffsort.implementation_names() if name.startswith("manual:"))
    return ("manual", *engines, "builtin", "double_argsort")


def sort_along(name: str, axis: int) -> Callable[[jax.Array], jax.Array]:
    """Returns the sort along `axis` of an implementation; `builtin` is jax.numpy.sort itself."""
    if name == "builtin":
        return functools.partial(jnp.sort, axis=axis)
    return functools.partial(diffsort.sort, axis=axis, implementation=name)


def forward_and_backward(name: str, axis: int) -> ForwardAndBackward:
    """Returns a function of an array and a cotangent, to be compiled: sorted values and gradient."""
    sort = sort_along(name, axis)

    def run(x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, pull_back = jax.vjp(sort, x)
        return values, pull_back(cotangent)[0]

    return run
