"""Who competes: the implementations of the sort that JAX compiles."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

import diffsort
from diffsort.implementations import get_implementation

ForwardAndBackward = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]

_LABELS = {"torch": "PyTorch", "numpy_packed": "NumPy, packed"}


def implementations() -> tuple[str, ...]:
    """Returns `manual`, the engines that it does not take, and the two that it is compared to.

    The engine that it takes would be the same program once more; `engine_of_manual` names it.
    """
    others = (name for name in _engines() if name != f"manual:{engine_of_manual()}")
    return ("manual", *others, "builtin", "double_argsort")


@functools.cache
def engine_of_manual() -> str | None:
    """Returns the engine that makes the same program as `manual` on JAX's default device, if one does."""
    example = jax.ShapeDtypeStruct((1000,), jnp.float32)

    def program(name: str) -> str:
        return jax.jit(forward_and_backward(name, 0)).lower(example, example).as_text()

    same = (name for name in _engines() if program(name) == program("manual"))
    return next((name.removeprefix("manual:") for name in same), None)


def label(name: str, engine: str | None = None) -> str:
    """Returns what people call a contestant.

    Args:
        name: as in the results.
        engine: what engine_of_manual was where they were measured.

    Examples:
        >>> label("manual", "native"), label("torch")
        ('manual (native)', 'PyTorch')
    """
    return f"manual ({engine})" if engine and name == "manual" else _LABELS.get(name, name)


def sort_along(name: str, axis: int) -> Callable[[jax.Array], jax.Array]:
    """Returns the sort along `axis` of an implementation; `builtin` is jax.numpy.sort itself."""
    if name == "builtin":
        return functools.partial(jnp.sort, axis=axis)
    return functools.partial(diffsort.sort, axis=axis, implementation=get_implementation(name))


def forward_and_backward(name: str, axis: int) -> ForwardAndBackward:
    """Returns a function of an array and a cotangent, to be compiled: sorted values and gradient."""
    sort = sort_along(name, axis)

    def run(x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, pull_back = jax.vjp(sort, x)
        return values, pull_back(cotangent)[0]

    return run


def _engines() -> list[str]:
    """The engines that make programs for JAX's default device."""
    names = [name for name in diffsort.implementation_names() if name.startswith("manual:")]
    return [name for name in names if name != "manual:native" or jax.default_backend() == "cpu"]
