"""What a benchmark finds and on which machine, and the file that keeps both."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import jax
import pandas as pd

from diffsort.engines import library
from experiments.benchmarks.contestants import ORDER, REFERENCE, engine_of_manual, import_torch
from experiments.benchmarks.soft import softjax_version
from experiments.benchmarks.timing import Measurement
from experiments.errors import UserError
from experiments.files import UnreadableError, read_json, to_json, write_text
from experiments.training.environment import describe_environment

RUN_TIME = "run time"  # the quantity that summaries and pictures are about

_SETS = {"avx512": "AVX-512", "avx2": "AVX2", "plain": "baseline vectors"}


@dataclass(frozen=True)
class Result:
    """One quantity of one case, measured for each contestant.

    Attributes:
        suite: the suite it belongs to.
        case: what was sorted or trained.
        elements: how many elements a sort of this case has.
        quantity: what was measured; RUN_TIME where it is that.
        unit: of all measurements.
        measurements: by contestant.
        failures: by contestant, what kept it from running: too little memory, or something unsupported.
    """

    suite: str
    case: str
    elements: int
    quantity: str
    unit: str
    measurements: dict[str, Measurement]
    failures: dict[str, str] = field(default_factory=dict)


def run_times(results: Sequence[Result]) -> pd.DataFrame:
    """Returns the median run times in milliseconds, a row a case, a column a contestant.

    NaN stands where a contestant did not take part. The index has `suite`, `case` and `elements`.

    Args:
        results: of any suites and quantities.
    """
    timed = [r for r in results if r.quantity == RUN_TIME and r.measurements]
    cases = [(r.suite, r.case, r.elements) for r in timed]
    index = pd.MultiIndex.from_tuples(cases, names=["suite", "case", "elements"])
    medians = [{name: m.median for name, m in r.measurements.items()} for r in timed]
    names = list(dict.fromkeys(name for row in medians for name in row))
    return pd.DataFrame(medians, index, sorted(names, key=[*ORDER, *names].index), dtype=float)


def relative_times(results: Sequence[Result]) -> pd.DataFrame:
    """Returns `run_times` as multiples of `manual`'s, without the cases in which it took no part."""
    times = run_times([r for r in results if REFERENCE in r.measurements])
    return times if times.empty else times.div(times[REFERENCE], axis=0)


def write_results(path: Path, machine: dict[str, Any], results: Sequence[Result]) -> None:
    """Writes what was found, and on what, as JSON."""
    content = {"machine": machine, "results": [asdict(r) for r in results]}
    write_text(path, to_json(content, indent=1) + "\n")


def read_results(path: Path) -> tuple[dict[str, Any], list[Result]]:
    """Returns what `write_results` wrote.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    try:
        content = read_json(path)
        results = [_result(**result) for result in content["results"]]
        machine = dict(content["machine"])
        machine_line(machine)  # which asks for all that has to be there
        return machine, results
    except (UnreadableError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} holds no results of a benchmark ({error})") from None


def _result(measurements: Mapping[str, Any], **others: Any) -> Result:
    return Result(measurements={name: _measurement(**m) for name, m in measurements.items()}, **others)


def _measurement(median: float, low: float, high: float, repeats: int) -> Measurement:
    return Measurement(float(median), float(low), float(high), int(repeats))


def describe_machine() -> dict[str, Any]:
    """Returns what a run's summary says, and the cores, the kernel's instruction set and who is `manual`."""
    has_kernel = jax.default_backend() == "cpu" and library.why_unavailable() is None
    torch = import_torch()
    return {
        **describe_environment(),
        # Those that this process may use.
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "instruction_set": library.instruction_set() if has_kernel else None,
        "manual": engine_of_manual(),
        "torch": str(torch.__version__) if torch else None,
        "softjax": softjax_version(),
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
