"""The number that a sweep is about."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from experiments.report.runs import Run

_ABBREVIATIONS = ("auc", "crps", "mae", "mse", "ndcg", "rmse")


@dataclass(frozen=True)
class Metric:
    """A headline metric.

    Attributes:
        name: as in `test_<name>` and `validation_<name>`.
        higher_is_better: or else lower is.
    """

    name: str
    higher_is_better: bool = True

    @property
    def test(self) -> str:
        """Its key in a summary."""
        return f"test_{self.name}"

    @property
    def validation(self) -> str:
        """Its key in a row of metrics."""
        return f"validation_{self.name}"

    def reaches(self, value: float, target: float) -> bool:
        """Returns whether a value is as good as the target."""
        return value >= target if self.higher_is_better else value <= target


def run_metric(run: Run) -> Metric:
    """Returns the headline metric that a run's summary names: accuracy if none."""
    summary = run.summary or {}
    return Metric(
        str(summary.get("metric") or "accuracy"), summary.get("metric_is_better", "higher") != "lower"
    )


def metric_names(runs: Iterable[Run]) -> list[str]:
    """Returns the names of all metrics on test data that summaries have, as they come."""
    keys = dict.fromkeys(key for run in runs for key in run.summary or {} if run.number(key) is not None)
    return [key.removeprefix("test_") for key in keys if key.startswith("test_")]


def in_words(name: str) -> str:
    """Returns a metric's name as one writes it.

    >>> in_words("test_worst_class_accuracy"), in_words("validation_crps")
    ('test worst class accuracy', 'validation CRPS')
    """
    pattern = rf"\b({'|'.join(_ABBREVIATIONS)})\b"
    return re.sub(pattern, lambda match: match[0].upper(), name.replace("_", " "))
