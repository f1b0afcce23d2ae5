"""The best evaluation of a run so far, and how long ago that was."""

from collections.abc import Iterable, Mapping

from experiments.tasks import Task


class Best:
    """Follows the validation metric of a run, evaluation by evaluation.

    Args:
        task: says which metric, and whether more of it is better.
        rows: the run's rows so far.

    Attributes:
        step: of the best evaluation; None before there is one whose metric is a number.
        value: the metric then.
        waited: how many evaluations have come since.

    >>> class Errors:
    ...     metric, better = "error", "lower"
    >>> best = Best(Errors, [{"step": 1, "validation_error": 3.0}, {"step": 2, "validation_error": 2.0}])
    >>> best.update({"step": 3, "validation_error": 2.5}), best.step, best.waited
    (False, 2, 1)
    """

    def __init__(self, task: Task, rows: Iterable[Mapping[str, float]]) -> None:
        self._key, self._sign = f"validation_{task.metric}", 1 if task.better == "higher" else -1
        self.step: int | None = None
        self.value: float | None = None
        self.waited = 0
        for row in rows:
            self.update(row)

    def update(self, row: Mapping[str, float]) -> bool:
        """Takes a row into account; returns whether it is an evaluation, and the best so far."""
        if self._key not in row:
            return False
        value = row[self._key]
        if value == value and (self.value is None or self._sign * value > self._sign * self.value):
            self.step, self.value, self.waited = int(row["step"]), value, 0
            return True
        self.waited += 1
        return False
