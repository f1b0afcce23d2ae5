"""The few greatest elements, forward and with their gradient, beside those of JAX, PyTorch and NumPy."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax import lax

import diffsort
from experiments.benchmarks.contestants import REFERENCE, TORCH, import_torch
from experiments.benchmarks.timing import Measurement, Program, time_in_turn

_LAX, _NUMPY = "jax.lax.top_k", "numpy_argpartition"
TopK = Callable[[jax.Array], Any]  # values and indices


def time_top_k(
    x: jax.Array, cotangent: jax.Array, seconds: float
) -> Iterator[tuple[str, str, dict[str, Measurement], dict[str, str]]]:
    """Times the greatest elements along the last axis and where they stood, then the gradient as well.

    Args:
        x: what to select from.
        cotangent: of as many elements as are to be selected.
        seconds: about how long each of the two may take.
    """
    k = cotangent.shape[-1]
    functions: dict[str, TopK] = {
        REFERENCE: functools.partial(diffsort.top_k, k=k),
        _LAX: functools.partial(lax.top_k, k=k),
    }
    forward: dict[str, Program] = {
        name: functools.partial(jax.jit(function), x) for name, function in functions.items()
    }
    forward[_NUMPY] = _numpy_program(np.asarray(x), k)
    both: dict[str, Program] = {
        name: functools.partial(jax.jit(_with_gradient(function)), x, cotangent)
        for name, function in functions.items()
    }
    if import_torch() and jax.default_backend() == "cpu":
        forward[TORCH] = _torch_program(x, k, None)
        both[TORCH] = _torch_program(x, k, cotangent)
    yield "values and indices", "ms", *time_in_turn(forward, seconds)
    yield "forward and backward", "ms", *time_in_turn(both, seconds)


def _with_gradient(function: TopK) -> Callable[[jax.Array, jax.Array], object]:
    def run(x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        values, pull_back, indices = jax.vjp(function, x, has_aux=True)
        return values, indices, pull_back(cotangent)[0]

    return run


def _numpy_program(x: np.ndarray, k: int) -> Program:
    """A partition, and the sort of what is above it."""

    def program() -> object:
        greatest = np.argpartition(x, -k)[..., -k:]
        values = np.take_along_axis(x, greatest, -1)
        order = np.argsort(-values)
        return np.take_along_axis(values, order, -1), np.take_along_axis(greatest, order, -1)

    return program


def _torch_program(x: jax.Array, k: int, cotangent: jax.Array | None) -> Program:
    torch = import_torch()
    given = torch.tensor(np.asarray(x)).requires_grad_(cotangent is not None)
    weights = None if cotangent is None else torch.tensor(np.asarray(cotangent))

    def program() -> object:
        values, indices = torch.topk(given, k)
        gradient = None if weights is None else torch.autograd.grad(values, given, weights)
        return values.detach(), indices, gradient

    return program
