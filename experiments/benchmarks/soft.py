"""Relaxed sorts beside each other, beside the exact one, and beside softjax's."""

import functools
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable

import jax
import jax.numpy as jnp

import diffsort
from diffsort.implementations import get_implementation
from diffsort.soft import Permutahedron, RelaxedSort, StraightThrough
from experiments.benchmarks.contestants import REFERENCE, forward_and_backward
from experiments.benchmarks.timing import Measurement, Program, time_in_turn

# What softjax calls the methods of the same name here, and the mode in which it relaxes as they do.
_SOFTJAX = {
    "softsort": ("softsort", "smooth"),
    "neuralsort": ("neuralsort", "smooth"),
    "permutahedron": ("fast_soft_sort", "c0"),
    "bitonic": ("sorting_network", "smooth"),
}
_SOFTNESS = 0.1  # of a method's default settings, too

# The longest rows that a contestant is given, and why no longer ones.
_SQUARE, _CUBE = "time and memory grow with n²", "time grows with n³"
_LONGEST = {
    "odd_even": (2000, _SQUARE),
    "ott": (512, _CUBE),
    "bitonic": (100_000, "a derivative would take gigabytes"),
    "neuralsort": (100_000, "time grows with the elements within a temperature of each other"),
    "softjax:softsort": (2000, _SQUARE),
    "softjax:neuralsort": (2000, _SQUARE),
    "softjax:permutahedron": (100_000, "it takes minutes"),
    "softjax:bitonic": (100_000, "a derivative would take gigabytes"),
}


def methods() -> tuple[str, ...]:
    """Returns the names of the relaxed sorts that can be used here."""

    def is_method(name: str) -> bool:
        try:
            found = get_implementation(name)
        except ValueError:  # something it needs is not installed
            return False
        return isinstance(found, RelaxedSort) and not isinstance(found, StraightThrough)

    return tuple(name for name in diffsort.implementation_names() if is_method(name))


def softjax_twin(name: str) -> str:
    """Returns what softjax's method is called among the contestants.

    >>> softjax_twin("bitonic")
    'softjax:bitonic'
    """
    return f"softjax:{name}"


def softjax_version() -> str | None:
    """Returns the version of softjax, or None where it is not installed."""
    return importlib.metadata.version("softjax") if importlib.util.find_spec("softjax") else None


def time_relaxed(
    x: jax.Array, cotangent: jax.Array, seconds: float
) -> tuple[dict[str, Measurement], dict[str, str]]:
    """Times values and gradient along the last axis; whoever would take too long is a failure."""
    # softjax measures the strength of a projection in all of the ranks.
    chosen = {"permutahedron": Permutahedron(_SOFTNESS * (x.shape[-1] - 1))}
    runs: dict[str, Callable[[jax.Array, jax.Array], object]] = {
        name: forward_and_backward(chosen.get(name, name), x.ndim - 1) for name in (REFERENCE, *methods())
    }
    if softjax_version():
        runs |= {softjax_twin(name): _softjax(*how) for name, how in _SOFTJAX.items() if name in runs}
    left_out = {
        name: reason for name, (longest, reason) in _LONGEST.items() if name in runs and x.shape[-1] > longest
    }
    programs: dict[str, Program] = {
        name: functools.partial(jax.jit(run), x, cotangent)
        for name, run in runs.items()
        if name not in left_out
    }
    times, failures = time_in_turn(programs, seconds)
    return times, failures | left_out


def _softjax(method: str, mode: str) -> Callable[[jax.Array, jax.Array], object]:
    softjax = importlib.import_module("softjax")

    def sort(x: jax.Array) -> jax.Array:
        options = {"softness": _SOFTNESS, "method": method, "mode": mode}
        return jnp.asarray(softjax.sort(x, axis=-1, standardize=False, **options))

    def run(x: jax.Array, cotangent: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, pull_back = jax.vjp(sort, x)
        return values, pull_back(cotangent)[0]

    return run
