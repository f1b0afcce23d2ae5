"""What a benchmark ran on, in more detail than a training run needs."""

import os
from collections.abc import Mapping
from typing import Any

import jax

from diffsort.engines import library
from experiments.benchmarks.contestants import engine_of_manual
from experiments.benchmarks.peers import torch_version
from experiments.training.environment import describe_environment

_SETS = {"avx512": "AVX-512", "avx2": "AVX2", "plain": "baseline vectors"}


def describe_machine() -> dict[str, Any]:
    """Returns what a run's summary says, and the cores, the kernel's instruction set and who is `manual`."""
    has_kernel = jax.default_backend() == "cpu" and library.why_unavailable() is None
    return {
        **describe_environment(),
        "cores": _cores(),
        "instruction_set": library.instruction_set() if has_kernel else None,
        "manual": engine_of_manual(),
        "torch": torch_version(),
    }


def machine_line(machine: Mapping[str, Any]) -> str:
    """Returns all that in a line.

    >>> machine_line({"device": "cpu: AMD EPYC", "cores": 2, "instruction_set": "avx2",
    ...     "versions": {"jax": "0.12.0", "jaxlib": "0.12.0", "numpy": "2.5.5"}, "torch": None})
    'AMD EPYC (2 cores, AVX2), jax 0.12.0, jaxlib 0.12.0, NumPy 2.5.5'
    """
    kind, _, name = str(machine["device"]).partition(": ")
    details = [f"{machine['cores']} core{'s' * (machine['cores'] != 1)}"] if kind == "cpu" else []
    details += [_SETS[machine["instruction_set"]]] if machine["instruction_set"] else []
    versions = machine["versions"]
    parts = [f"{name} ({', '.join(details)})" if details else name]
    parts += [f"jax {versions['jax']}", f"jaxlib {versions['jaxlib']}", f"NumPy {versions['numpy']}"]
    parts += [f"PyTorch {machine['torch'].partition('+')[0]}"] if machine["torch"] else []
    return ", ".join(parts)


def _cores() -> int:
    """Those that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
