"""Images as vectors of pixels."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from experiments.data.corruption import corrupted
from experiments.data.examples import Dataset, LabelledVectors
from experiments.data.images import LabelledImages, open_dataset
from experiments.errors import UserError


def load_vectors(
    name: str,
    directory: str | os.PathLike[str],
    *,
    label_noise: float = 0.0,
    rare_classes: Sequence[int] = (),
    rare_fraction: float = 0.1,
    seed: int = 0,
    progress: bool = True,
) -> Dataset:
    """Loads a dataset of images of one size, each as the vector of its intensities between 0 and 1.

    Args:
        name: As in :func:`experiments.data.load_point_sets`, and so the others.
        directory: The folder of all datasets.
        label_noise: The fraction of wrong training labels.
        rare_classes: Classes to make rare among the training examples.
        rare_fraction: What is kept of them.
        seed: Decides which labels are wrong and which examples are left out.
        progress: Whether to show progress bars, on a terminal.

    Raises:
        UserError: As :func:`open_dataset` and :func:`corrupted`, or if the images differ in size.
    """
    dataset = open_dataset(name, directory, progress=progress)
    train, validation, test = (
        _flattened(name, split, dataset.max_intensity)
        for split in (dataset.train, dataset.validation, dataset.test)
    )
    train = corrupted(train, dataset.num_classes, label_noise, rare_classes, rare_fraction, seed)
    return Dataset(name, dataset.num_classes, train, validation, test)


def _flattened(name: str, split: LabelledImages, max_intensity: float) -> LabelledVectors:
    images, labels = zip(*split, strict=True)
    if len({image.shape for image in images}) != 1:
        raise UserError(f"data.name={name}: its images differ in size; choose another dataset")
    pixels = np.stack(images).reshape(len(images), -1)
    return LabelledVectors(
        features=pixels.astype(np.float32) / np.float32(max_intensity), labels=np.array(labels, np.int32)
    )
