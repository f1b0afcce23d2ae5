"""Vectors: images as their pixels, and the patients of the diabetes study."""

import os
from functools import partial
from typing import Unpack

import numpy as np

from experiments.data.corruption import Corruption
from experiments.data.examples import Dataset, LabelledVectors, Measurements
from experiments.data.records import open_dataset
from experiments.data.shuffling import shuffled_indices
from experiments.data.stored import Stored, make_dataset
from experiments.errors import UserError

_HELD_OUT = 88  # patients to validate, and as many to test: a fifth each
_PATIENTS = 2**41  # a stream of shuffled_indices that nothing else uses


def load_vectors(
    name: str,
    directory: str | os.PathLike[str],
    *,
    in_memory: bool | None = None,
    progress: bool = True,
    **corruption: Unpack[Corruption],
) -> Dataset:
    """Loads a dataset of images of one size, each as the vector of its intensities between 0 and 1.

    Args:
        name: `digits`, or what TFDS calls a dataset of images with labels.
        directory: the folder of all datasets. Made and written where the dataset is not there yet.
        in_memory: whether to convert all images now; None does so if the vectors are few enough.
        progress: whether to show progress bars, on a terminal.
        **corruption: what is wrong with the training examples; see `corrupted`.

    Raises:
        UserError: as `open_dataset` and `corrupted`, or the images differ in size.
    """
    images = open_dataset(name, directory, progress=progress)
    of = images["train"]
    (first,), _ = of.read([0])
    convert = partial(_to_vectors, name=name, shape=first.shape, max_intensity=of.max_intensity)
    splits = {split: Stored(name, split, part, LabelledVectors, convert) for split, part in images.items()}
    return make_dataset(of.num_classes, splits, in_memory=in_memory, progress=progress, **corruption)


def _to_vectors(
    images: list[np.ndarray], labels: np.ndarray, *, name: str, shape: tuple[int, ...], max_intensity: float
) -> LabelledVectors:
    if any(image.shape != shape for image in images):
        raise UserError(f"data.name={name}: its images differ in size; choose another dataset")
    pixels = np.stack(images).reshape(len(images), -1)
    return LabelledVectors(pixels.astype(np.float32) / np.float32(max_intensity), labels)


def load_diabetes(name: str = "diabetes", *, seed: int = 0) -> Dataset:
    """Loads the progression of diabetes in 442 patients, which scikit-learn carries: no download.

    Ten baseline variables of a patient (age, sex, body mass index, blood pressure, six blood serum
    measurements), and the progression of the disease a year after: 266 patients to train on, 88 to
    validate and 88 to test, drawn anew for every seed, since the set is small. Features and targets are
    brought to mean 0 and standard deviation 1, as found in the training split.

    Args:
        name: what to call the dataset.
        seed: decides the splits.

    Source: B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least Angle Regression, 2004.
    """
    from sklearn.datasets import load_diabetes as load_patients  # slow to import

    features, targets = load_patients(return_X_y=True, scaled=False)
    order = shuffled_indices(len(targets), seed, _PATIENTS)
    parts = np.split(order, [len(order) - 2 * _HELD_OUT, len(order) - _HELD_OUT])
    features, targets = (_standardised(values, parts[0]) for values in (features, targets))
    return Dataset(name, None, *(Measurements(features[part], targets[part]) for part in parts))


def _standardised(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    mean, deviation = values[train].mean(0), values[train].std(0)
    return ((values - mean) / deviation).astype(np.float32)
