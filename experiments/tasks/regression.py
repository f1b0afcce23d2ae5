"""Predicting a number, and how sure the prediction is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.data import Batch, Dataset, Measurements
from experiments.losses import Head
from experiments.plots import calibration_curve
from experiments.tasks.task import Arrays, Evaluation, Task

LEVELS = np.arange(1, 20) / 20  # 0.05, 0.10, …, 0.95


class Regression(Task):
    """A distribution for each target; the loss, a head, says what the model's outputs mean.

    All heads are judged by the quantiles that they predict, at the levels 0.05, 0.10, …, 0.95: `crps`,
    twice their mean pinball loss, which approximates the continuous ranked probability score; `coverage`,
    the share of the targets between the first and the last, 0.9 if the predictions are calibrated;
    `half_coverage`, the smaller of that among the lower and among the upper half of the predicted medians,
    which tells whether intervals are wide where they must be; `width`, their mean width; `rmse`, the root
    of the mean squared error of the median. All in standard deviations of the training targets.
    """

    kinds = (Measurements,)
    loss_kind = Head
    metric = "crps"
    better = "lower"
    loss: Head

    def model_arguments(self, data: Dataset) -> dict[str, Any]:
        """Returns the features of an input, and as many outputs as the head has."""
        return {**super().model_arguments(data), "num_outputs": self.loss.num_outputs}

    def forward(self, model: Any, batch: Batch) -> Arrays:
        """Returns the outputs and the losses."""
        outputs = self._call(model, batch)
        return {"outputs": outputs, "losses": self.loss(outputs, batch["targets"])}

    def metrics(self, of: Evaluation, validation: Evaluation) -> dict[str, float]:
        """Adds the metrics that the class describes."""
        quantiles = self._quantiles(of, validation)
        targets = of.given["targets"]
        error = targets[:, None] - quantiles
        pinball = np.maximum(LEVELS * error, (LEVELS - 1) * error)
        low, middle, high = (quantiles[:, i] for i in (0, len(LEVELS) // 2, -1))
        covered = (low <= targets) & (targets <= high)
        upper = middle > np.median(middle)
        return {
            **super().metrics(of, validation),
            "crps": float(2 * pinball.mean()),
            "coverage": float(covered.mean()),
            "half_coverage": float(min(covered[half].mean() for half in (upper, ~upper) if half.any())),
            "width": float((high - low).mean()),
            "rmse": float(np.sqrt(np.mean((middle - targets) ** 2))),
        }

    def picture(self, history: Sequence[Evaluation], test: Evaluation) -> Figure:
        """Draws calibration, and the intervals of all test examples."""
        return calibration_curve(LEVELS, self._quantiles(test, history[-1]), test.given["targets"])

    def _quantiles(self, of: Evaluation, validation: Evaluation) -> np.ndarray:
        known = validation.predictions["outputs"], validation.given["targets"]
        return self.loss.quantiles(of.predictions["outputs"], LEVELS, known)
