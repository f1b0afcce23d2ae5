"""What a benchmark finds."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RUN_TIME = "run time"  # the quantity that summaries and plots are about


@dataclass(frozen=True)
class Measurement:
    """A quantity measured several times, or once if chance has no part in it.

    Attributes:
        median: the value to quote, in the unit of its result.
        low: lower quartile.
        high: upper quartile.
        repeats: how many values were counted.
    """

    median: float
    low: float
    high: float
    repeats: int


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


def summarised(values: Sequence[float]) -> Measurement:
    """Returns median and quartiles of values measured again and again; at least two."""
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Measurement(median, low, high, len(values))


def exactly(value: float) -> Measurement:
    """Returns a value that would come out the same every time."""
    return Measurement(value, value, value, 1)


def write_results(path: Path, machine: dict[str, Any], results: Sequence[Result]) -> None:
    """Writes what was found, and on what, as JSON."""
    content = {"machine": machine, "results": [asdict(r) for r in results]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_results(path: Path) -> tuple[dict[str, Any], list[Result]]:
    """Returns what write_results wrote.

    Raises:
        ValueError: the file holds something else.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        results = [
            Result(**{**r, "measurements": {name: Measurement(**m) for name, m in r["measurements"].items()}})
            for r in content["results"]
        ]
        return dict(content["machine"]), results
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no results of a benchmark: {error!r}") from None
