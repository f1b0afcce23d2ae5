"""A trace of a few training steps, in which every operation has the name of what it is part of."""

import contextlib
import gzip
import json
import re
from pathlib import Path
from typing import Any

import jax

from experiments.data import Batches
from experiments.files import write_bytes
from experiments.run_directory import PROFILE
from experiments.training.distributed import decided, is_first
from experiments.training.steps import Steps, TrainState

TRACE_FILE = "trace.json.gz"
_WARM_UP, _TRACED = 5, 5


def write_profile(output: Path, steps: Steps, state: TrainState, batches: Batches) -> None:
    """Traces steady steps with jax.profiler, and writes `profile/` in the output directory.

    There the profiler's own files are in `plugins/`, and `trace.json.gz` is its timeline with operations
    called by scope: on a CPU it has but the compiler's names, which do not tell what sorts.

    Args:
        output: the run's output directory.
        steps: the training step.
        state: parameters and optimizer state to begin with; what the steps make of it is dropped.
        batches: ten, at least.
    """
    folder = output / PROFILE
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0  # would slow down what is measured
    first = is_first()  # the steps take all processes
    trace = jax.profiler.trace(str(folder), profiler_options=options) if first else contextlib.nullcontext()
    leaves = steps.leaves(state)
    steps.compile(batches[0], [1])
    for now in range(_WARM_UP):
        leaves, _ = jax.block_until_ready(steps(leaves, [batches[now]]))
    with trace:
        for now in range(_WARM_UP, _WARM_UP + _TRACED):
            with jax.profiler.StepTraceAnnotation("train", step_num=now):
                leaves, _ = jax.block_until_ready(steps(leaves, [batches[now]]))
    decided(lambda: _write_timeline(folder, steps))


def _write_timeline(folder: Path, steps: Steps) -> None:
    """Writes the profiler's timeline, with operations called by scope."""
    timeline = max(folder.glob("plugins/profile/*/*.trace.json.gz"), key=lambda path: path.stat().st_mtime_ns)
    trace = json.loads(gzip.decompress(timeline.read_bytes()))
    if (program := steps.compiled()) is not None:
        _name_by_scope(trace, program.as_text() or "")
    write_bytes(folder / TRACE_FILE, gzip.compress(json.dumps(trace).encode()))


def _name_by_scope(trace: dict[str, Any], program: str) -> None:
    """Gives an event that stands for an instruction of the program the name of the instruction's scope."""
    scopes = dict(re.findall(r'^\s*(?:ROOT )?%?([\w.-]+) = .*\bop_name="([^"]*)"', program, re.MULTILINE))
    for event in trace["traceEvents"]:
        instruction = event.get("args", {}).get("hlo_op")
        if instruction in scopes:
            event["name"] = scopes[instruction]
