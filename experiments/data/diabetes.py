"""The progression of diabetes in 442 patients, a regression that needs no download."""

from __future__ import annotations

import numpy as np

from experiments.data.examples import Dataset, Measurements
from experiments.data.shuffling import shuffled_indices

_HELD_OUT = 88  # a fifth each to validate and to test
_SPLITS = 2**41  # a stream of shuffled_indices that nothing else uses


def load_diabetes(name: str = "diabetes", *, seed: int = 0) -> Dataset:
    """Loads the diabetes data that scikit-learn carries.

    Ten baseline variables of a patient (age, sex, body mass index, blood pressure, six blood serum
    measurements), and the progression of the disease a year after: 266 patients to train on, 88 to
    validate and 88 to test, drawn anew for every seed, since the set is small. Features and targets are
    brought to mean 0 and standard deviation 1, as found in the training split.

    Args:
        name: What to call the dataset.
        seed: Decides the splits.

    Source: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least Angle Regression, 2004.
    """
    from sklearn.datasets import load_diabetes as load  # slow to import

    features, targets = load(return_X_y=True, scaled=False)
    order = shuffled_indices(len(targets), seed, _SPLITS)
    parts = np.split(order, [len(order) - 2 * _HELD_OUT, len(order) - _HELD_OUT])
    features, targets = (_standardised(values, parts[0]) for values in (features, targets))
    return Dataset(name, None, *(Measurements(features[part], targets[part]) for part in parts))


def _standardised(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    mean, deviation = values[train].mean(0), values[train].std(0)
    return ((values - mean) / deviation).astype(np.float32)
