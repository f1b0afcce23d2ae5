"""The suites of the benchmark, by name: what is sorted or trained, and what is measured of it."""

import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from omegaconf import DictConfig

import diffsort
from diffsort.implementations import get_implementation
from experiments.benchmarks.contestants import (
    MAXPOOL,
    forms,
    forward_and_backward,
    implementations,
    peers,
    sort_along,
)
from experiments.benchmarks.dispatch import time_dispatch
from experiments.benchmarks.loop import time_loop
from experiments.benchmarks.measurements import RUN_TIME, Result
from experiments.benchmarks.patterns import time_patterns
from experiments.benchmarks.ragged import time_ragged
from experiments.benchmarks.soft import time_relaxed
from experiments.benchmarks.timing import Measurement, Program, summarised, time_in_turn
from experiments.benchmarks.top_k import time_top_k
from experiments.data import training_batches
from experiments.training.building import build_model
from experiments.training.setup import build_setup
from experiments.training.steps import TrainState, make_train_step

SUITES: dict[str, str] = {
    "article": "float32, forward and backward: one row of a million elements",
    "pooling": "float32, forward and backward: sets × points × features, sorted over the points",
    "rows": "float32, forward and backward: independent rows",
    "tiny": "float32, forward and backward: 2 to 512 elements",
    "scaling": "float32, forward and backward: one row of 2 to 10 million elements",
    "dtypes": "values and indices by type, in one row and in many, beside forms that XLA could sort in",
    "many": "values and indices of float32, by the length of many rows",
    "long": "values and indices of float32, in one row as long as memory allows",
    "patterns": "values of float32 alone, sorted already and otherwise not random, in the caches and not",
    "memory": "what the gradient of a sort keeps and needs in memory",
    "compile": "how long a sort and its gradient take to trace and to compile",
    "step": "a training step of model=sortpool, and one of model=maxpool",
    "soft": "relaxed sorts of float32, forward and backward, beside the exact one and softjax's",
    "dispatch": "tokens × features to two of eight experts and back, float32, forward and backward",
    "top_k": "the few greatest, forward and with their gradient, beside jax.lax, PyTorch and NumPy",
    "ragged": "pooling sets of 1 to 1000 points, forward and backward: over segments, and padded",
    "loop": "a training run's steps, as multiples of the compiled step's own time",
}

DTYPES = ("float32", "bfloat16", "float16", "int32", "float64", "int64")
ROW_LENGTHS = (16, 64, 256, 1024, 4096)
LENGTHS = (100_000, 1_000_000, 10_000_000, 100_000_000)

# Shapes and the axis sorted: the article's, sets × points × features, and independent rows.
SHAPES: dict[str, dict[tuple[int, ...], int]] = {
    "article": {(1_000_000,): 0},
    "pooling": {(16, 256, 64): 1, (64, 64, 128): 1, (256, 64, 64): 1, (32, 1024, 64): 1, (1024, 16, 64): 1},
    "rows": {(1024, 1024): 1, (8192, 32): 1, (64, 4096): 1, (4096, 256): 1, (1024, 128): 0, (64, 64): 1},
    "tiny": {(2,): 0, (16,): 0, (64,): 0, (128,): 0, (256,): 0, (8, 8): 1, (32, 16): 1},
    "scaling": {(n,): 0 for n in (2, 8, 32, 128, 10**3, 10**4, 10**5, 10**6, 3 * 10**6, 10**7)},
    "patterns": {(10_000,): 0, (1_000_000,): 0},
    "memory": {(64, 512): 1, (64, 64, 128): 1, (8192, 32): 1, (1_000_000,): 0},
    "compile": {(64,): 0, (64, 64, 128): 1},
    "dispatch": {(1024, 64): 1, (4096, 64): 1, (4096, 512): 1, (32768, 128): 1},
    "soft": {(64, 64): 1, (64, 512): 1, (8, 2000): 1, (1, 100_000): 1, (1_000_000,): 0},
    "top_k": {(1_000_000,): 0, (64, 10_000): 1, (1024, 1000): 1, (4096, 256): 1, (32, 50_000): 1},
}
# How many elements are selected from such an array.
SELECTED = {(1_000_000,): 10, (64, 10_000): 50, (1024, 1000): 5, (4096, 256): 8, (32, 50_000): 1000}

# Elements of a case by dtype or length: fewer on CPUs, which have suites of their own, and would take
# minutes for what takes a GPU a second.
_ON_CPU, _ELSEWHERE = 1 << 16, 1 << 24
# Bytes that an element of a long row takes in the hungriest contestant: copies in 64 bits, and their sort's.
_BYTES = 64
_LEAST, _MOST = 3, 30  # rounds of compiling

# What was measured, its unit, the measurements and the failures, as in Result.
Finding = tuple[str, str, dict[str, Measurement], dict[str, str]]


@dataclass(frozen=True)
class Case:
    """An array to sort.

    Attributes:
        shape: of the array.
        axis: the one to sort along; non-negative.
        dtype: real; 64-bit ones are sorted under enable_x64.
    """

    shape: tuple[int, ...]
    axis: int
    dtype: str = "float32"

    def __str__(self) -> str:
        if len(self.shape) == 1:  # of one axis there is nothing to say
            return f"{self.shape[0]:,}"
        return f"{'×'.join(map(str, self.shape))}, axis {self.axis}"

    def array(self, seed: int) -> jax.Array:
        """Returns normal numbers, or integers over all their range."""
        key, dtype = jax.random.key(seed), jnp.dtype(self.dtype)
        if jnp.issubdtype(dtype, jnp.floating):
            return jax.random.normal(key, self.shape, dtype)
        return jax.random.bits(key, self.shape, jnp.dtype(f"uint{8 * dtype.itemsize}")).view(dtype)


def cases(suite: str) -> list[Case]:
    """Returns the cases of a suite of sorts, in sizes that suit JAX's default device and its memory."""
    on_cpu = jax.default_backend() == "cpu"
    elements = _ON_CPU if on_cpu else _ELSEWHERE
    if suite == "dtypes":
        both = (elements // 1024, 1024), (elements,)
        return [Case(shape, len(shape) - 1, dtype) for dtype in DTYPES for shape in both]
    if suite == "many":
        return [Case((elements // n, n), 1) for n in ROW_LENGTHS]
    if suite == "long":
        memory = {} if on_cpu else jax.local_devices()[0].memory_stats() or {}
        most = min(LENGTHS) if on_cpu else memory.get("bytes_limit", math.inf) / _BYTES
        return [Case((n,), 0) for n in LENGTHS if n <= most]
    return [Case(shape, axis) for shape, axis in SHAPES[suite].items()]


def run_suite(suite: str, seconds: float, config: Callable[..., DictConfig]) -> Iterator[Result]:
    """Yields the results of a suite as they come.

    Args:
        suite: a key of SUITES.
        seconds: about how long to take for a case.
        config: composes the main config, with the overrides that it is given; called for training steps only.
    """
    if suite in ("step", "loop"):
        yield (time_steps if suite == "step" else time_loop)(config, seconds)
        return
    if suite == "ragged":
        yield from time_ragged(seconds)
        return
    by_dtype = suite in ("dtypes", "many", "long")
    times = time_indices if by_dtype else time_gradients
    special = {
        "memory": measure_memory,
        "compile": time_compilation,
        "soft": time_soft,
        "dispatch": time_tokens,
        "top_k": time_selection,
        "patterns": lambda case, seconds: time_patterns(case.shape[0], seconds),
    }
    measure = special.get(suite, times)
    for case in cases(suite):
        # The context is left before a result is handed out, as whoever takes it may have another.
        with jax.enable_x64(case.dtype.endswith("64")):
            findings = list(measure(case, seconds))
        name = f"{case}, {case.dtype}" if by_dtype else str(case)
        if suite == "top_k":
            name = f"{case}, the {selected(case)} greatest"
        for finding in findings:
            yield Result(suite, name, math.prod(case.shape), *finding)


def time_gradients(case: Case, seconds: float) -> Iterator[Finding]:
    """Times a sort and its gradient with each implementation, and with the peers."""
    x, cotangent = case.array(0), case.array(1)
    programs: dict[str, Program] = {
        name: functools.partial(jax.jit(forward_and_backward(name, case.axis)), x, cotangent)
        for name in implementations()
    }
    yield RUN_TIME, "ms", *time_in_turn(programs | peers(x, case.axis, cotangent), seconds)


def time_soft(case: Case, seconds: float) -> Iterator[Finding]:
    """Times relaxed sorts and their gradients along the last axis."""
    yield RUN_TIME, "ms", *time_relaxed(case.array(0), case.array(1), seconds)


def time_tokens(case: Case, seconds: float) -> Iterator[Finding]:
    """Times the way to experts and back."""
    yield RUN_TIME, "ms", *time_dispatch(case.array(0), case.array(1), seconds)


def time_selection(case: Case, seconds: float) -> Iterator[Finding]:
    """Times the greatest elements along the last axis, alone and with their gradient."""
    cotangent = Case((*case.shape[:-1], selected(case)), case.axis).array(1)
    yield from time_top_k(case.array(0), cotangent, seconds)


def selected(case: Case) -> int:
    """Returns how many elements of a case are selected."""
    return SELECTED.get(case.shape, 1)


def time_indices(case: Case, seconds: float) -> Iterator[Finding]:
    """Times values and indices along the last axis, and forward and backward where there is a gradient."""
    x = case.array(0)
    sorts: dict[str, Callable[[jax.Array], object]] = {
        name: functools.partial(diffsort.sort_with_indices, implementation=get_implementation(name))
        for name in implementations()
        if name.startswith("manual")
    }
    sorts |= {**forms(x), "jnp.sort alone": jnp.sort}
    programs: dict[str, Program] = {name: functools.partial(jax.jit(f), x) for name, f in sorts.items()}
    yield "values and indices", "ms", *time_in_turn(programs | peers(x, case.axis), seconds)
    if jnp.issubdtype(x.dtype, jnp.floating):
        yield from time_gradients(case, seconds)


def measure_memory(case: Case, seconds: float) -> Iterator[Finding]:
    """Finds what is kept for the gradient and allocated in it, as multiples of the input's size."""
    del seconds  # the sizes are exact
    sizes = {name: gradient_memory(name, case) for name in implementations()}
    for i, quantity in enumerate(("kept from forward to backward", "temporaries of backward")):
        yield quantity, "× the input", {name: summarised([both[i]]) for name, both in sizes.items()}, {}


def gradient_memory(name: str, case: Case) -> tuple[float, float]:
    """Returns what an implementation keeps from forward to backward, and the temporaries of backward.

    Forward and backward are programs of their own here, as in a model, where there is more in between.
    """
    x, cotangent, sort = case.array(0), case.array(1), sort_along(name, case.axis)
    pull_back = jax.jit(lambda x: jax.vjp(sort, x)[1])(x)  # a pytree: its leaves are what is kept
    kept = sum(leaf.nbytes for leaf in jax.tree.leaves(pull_back))
    # Passed as an argument: closed over, what was kept would be a constant, and be folded away.
    backward = jax.jit(lambda pull_back, cotangent: pull_back(cotangent)[0])
    analysis: Any = backward.lower(pull_back, cotangent).compile().memory_analysis()
    return kept / x.nbytes, analysis.temp_size_in_bytes / x.nbytes


def time_compilation(case: Case, seconds: float) -> Iterator[Finding]:
    """Times how long forward and backward together take to trace and to compile, in turn.

    A persistent compilation cache, if one is set, makes the second too short.
    """
    x, cotangent, end = case.array(0), case.array(1), time.perf_counter() + seconds
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in implementations()}
    for i in range(_MOST):
        if i >= _LEAST and time.perf_counter() > end:
            break
        for name, taken in times.items():
            jax.clear_caches()
            start = time.perf_counter()
            lowered = jax.jit(forward_and_backward(name, case.axis)).lower(x, cotangent)
            middle = time.perf_counter()
            lowered.compile()
            taken.append(((middle - start) * 1e3, (time.perf_counter() - middle) * 1e3))
    for i, quantity in enumerate(("tracing and lowering", "compiling")):
        yield quantity, "ms", {name: summarised([t[i] for t in taken]) for name, taken in times.items()}, {}


def time_steps(config: Callable[..., DictConfig], seconds: float) -> Result:
    """Times a training step of model=sortpool with each implementation, and of model=maxpool.

    Args:
        config: composes the main config, with the overrides that it is given.
        seconds: about how long to take.
    """
    main = config()
    setup = build_setup(main)
    batch = jax.device_put(training_batches(setup.data.train, main.trainer.batch_size, main.seed)[0])

    def program(override: str) -> Program:
        graph, parameters = build_model(config(override), setup.data, setup.task)
        step = jax.jit(make_train_step(graph, setup.task, setup.optimizer))
        state = TrainState(parameters, setup.optimizer.init(parameters))
        return lambda: step(state, batch)

    programs = {name: program(f"sort.implementation={name}") for name in implementations()}
    programs[MAXPOOL] = program("model=maxpool")
    sets, points, _ = batch["points"].shape
    features = main.model.point_widths[-1]
    case = f"model=sortpool, {sets} sets × {points} points × {features} features"
    return Result("step", case, sets * points * features, RUN_TIME, "ms", *time_in_turn(programs, seconds))
