"""Sorts by dtype, of many rows and of long ones: what to measure on a device that nobody has measured."""

import dataclasses
import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

import diffsort
from diffsort.implementations import get_implementation
from experiments.benchmarks.contestants import implementations
from experiments.benchmarks.peers import TORCH, torch_device, torch_sort_program
from experiments.benchmarks.results import Result
from experiments.benchmarks.sort_forms import forms
from experiments.benchmarks.sort_times import describe_case, time_forward_and_backward
from experiments.benchmarks.timing import Program, able, time_in_turn

VALUES_AND_INDICES = "values and indices"
SORT_ALONE = "jnp.sort alone"  # values and no indices

DTYPES = ("float32", "bfloat16", "float16", "int32", "float64", "int64")
ROW_LENGTHS = (16, 64, 256, 1024, 4096)
LENGTHS = (100_000, 1_000_000, 10_000_000, 100_000_000)

# Elements of a case: fewer on CPUs, which have suites of their own, and would take minutes for what takes a
# GPU a second.
_ON_CPU, _ELSEWHERE = 1 << 16, 1 << 24
# Bytes that an element of a long row takes in the hungriest contestant: copies in 64 bits, and their sort's.
_BYTES = 64

SUITES: dict[str, str] = {
    "dtypes": "values and indices of one row and of many, by dtype, beside forms that XLA could sort in",
    "many": "the same of float32, by the length of the rows",
    "long": "the same of one long row of float32, as memory allows",
}


@dataclasses.dataclass(frozen=True)
class Case:
    """Rows to sort.

    Attributes:
        shape: (rows, length).
        dtype: real; 64-bit ones are sorted under enable_x64.
    """

    shape: tuple[int, int]
    dtype: str = "float32"

    def __str__(self) -> str:
        shape = self.shape[1:] if self.shape[0] == 1 else self.shape
        return f"{describe_case(shape, len(shape) - 1)}, {self.dtype}"


def cases(suite: str) -> list[Case]:
    """Returns the cases of a suite, in sizes that suit JAX's default device."""
    elements = _ON_CPU if jax.default_backend() == "cpu" else _ELSEWHERE
    if suite == "dtypes":
        shapes = ((elements // 1024, 1024), (1, elements))
        return [Case(shape, dtype) for dtype in DTYPES for shape in shapes]
    if suite == "many":
        return [Case((elements // n, n)) for n in ROW_LENGTHS]
    return [Case((1, n)) for n in LENGTHS if n <= _longest()]


def run_devices(suite: str, seconds: float) -> Iterator[Result]:
    """Times values and indices of each case, and forward and backward where there is a gradient.

    Args:
        suite: a key of SUITES.
        seconds: about how long to take for each of both.
    """
    for case in cases(suite):
        # The context is left before a result is handed out, as whoever takes it may have another.
        with jax.enable_x64(case.dtype.endswith("64")):
            results = list(_run_case(suite, case, seconds))
        yield from results


def _run_case(suite: str, case: Case, seconds: float) -> Iterator[Result]:
    x = random_rows(case)
    programs, failures = able(_sort_programs(x))
    times = time_in_turn(programs, seconds)
    yield Result(suite, str(case), x.size, VALUES_AND_INDICES, "ms", times, failures)
    if jnp.issubdtype(x.dtype, jnp.floating):
        cotangent = jax.random.normal(jax.random.key(1), x.shape, x.dtype)
        yield time_forward_and_backward(suite, str(case), x, cotangent, 1, seconds)


def random_rows(case: Case) -> jax.Array:
    """Returns normal numbers, or integers over all their range."""
    key, dtype = jax.random.key(0), jnp.dtype(case.dtype)
    if jnp.issubdtype(dtype, jnp.floating):
        return jax.random.normal(key, case.shape, dtype)
    unsigned = jax.random.bits(key, case.shape, jnp.dtype(f"uint{8 * dtype.itemsize}"))
    return jax.lax.bitcast_convert_type(unsigned, dtype)


def _sort_programs(x: jax.Array) -> dict[str, Program]:
    """The programs that give sorted values and indices along the last axis, by name."""
    ours = [name for name in implementations() if name.startswith("manual")]
    sorts: dict[str, Callable[[jax.Array], object]] = {
        name: functools.partial(diffsort.sort_with_indices, implementation=get_implementation(name))
        for name in ours
    }
    sorts |= {**forms(x), SORT_ALONE: functools.partial(jnp.sort, axis=-1)}
    programs: dict[str, Program] = {name: functools.partial(jax.jit(f), x) for name, f in sorts.items()}
    if device := torch_device():
        programs[TORCH] = torch_sort_program(np.asarray(x), x.ndim - 1, device)
    return programs


def _longest() -> int:
    """How long a row may be: by the memory of the device where it says how much it has."""
    if jax.default_backend() == "cpu":
        return min(LENGTHS)
    statistics = jax.local_devices()[0].memory_stats() or {}
    return int(statistics["bytes_limit"] // _BYTES) if "bytes_limit" in statistics else max(LENGTHS)
