"""A dataset as point sets: from its name to arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np
from scipy.ndimage import zoom
from tqdm import tqdm

from experiments.data.corruption import corrupted
from experiments.data.examples import Dataset
from experiments.data.images import LabelledImages, open_dataset
from experiments.data.point_sets import PointSets, count_points, image_to_points
from experiments.errors import UserError

Example = tuple[np.ndarray, int]
Examples = LabelledImages | list[Example]

_SPLITS = ("train", "validation", "test")


def load_point_sets(
    name: str,
    directory: str | os.PathLike[str],
    max_points: int | None = None,
    *,
    upscale: int = 1,
    label_noise: float = 0.0,
    rare_classes: Sequence[int] = (),
    rare_fraction: float = 0.1,
    seed: int = 0,
    progress: bool = True,
) -> Dataset:
    """Loads a dataset of images and turns every image into the set of its non-zero pixels.

    See :func:`experiments.data.open_dataset` for what is read and :func:`image_to_points` for what
    becomes of an image. The arrays take ``4 * (2 + C) * max_points`` bytes an example.

    Args:
        name: ``digits``, or what TFDS calls a dataset of images with labels.
        directory: The folder of all datasets. Made and written where the dataset is not there yet.
        max_points: The size of every set. None is that of the largest in all three splits, which
            never exceeds the pixels of an image.
        upscale: How many times as high and wide to make the images before, linearly between the pixels:
            larger sets of the same shapes.
        label_noise: As in :func:`experiments.data.corruption.corrupted`, and so the next three.
        rare_classes: Classes to make rare among the training examples.
        rare_fraction: What is kept of them.
        seed: Decides which labels are wrong and which examples are left out.
        progress: Whether to show progress bars, on a terminal.

    Raises:
        UserError: As :func:`open_dataset` and :func:`corrupted`, or if a size is below 1.
    """
    if upscale < 1:
        raise UserError(f"data.upscale={upscale}: must be at least 1")
    if max_points is not None and max_points < 1:
        raise UserError(f"data.max_points={max_points}: must be at least 1, or null for the largest set")
    dataset = open_dataset(name, directory, progress=progress)
    splits: dict[str, Examples] = {split: getattr(dataset, split) for split in _SPLITS}
    if upscale > 1:
        splits = {
            split: [(_enlarged(image, upscale), label) for image, label in examples]
            for split, examples in splits.items()
        }
    if max_points is None:
        # Kept, as decoding is most of the work, and as bytes take a quarter of what floats will.
        splits = {
            split: list(_shown(examples, f"reading {split}", progress)) for split, examples in splits.items()
        }
        counts = (count_points(image) for examples in splits.values() for image, _ in examples)
        max_points = max(1, *counts)
    sets = {}
    for split, examples in splits.items():
        sets[split] = _empty(len(examples), max_points, dataset.channels)
        for index, (image, label) in enumerate(_shown(examples, f"converting {split}", progress)):
            points, mask = image_to_points(image, max_points, dataset.max_intensity)
            sets[split].points[index] = points
            sets[split].mask[index] = mask
            sets[split].labels[index] = label
    sets["train"] = corrupted(
        sets["train"], dataset.num_classes, label_noise, rare_classes, rare_fraction, seed
    )
    return Dataset(name, dataset.num_classes, **sets)


def _enlarged(image: np.ndarray, factor: int) -> np.ndarray:
    return zoom(image, (factor, factor, 1)[: image.ndim], order=1)


def _empty(size: int, max_points: int, channels: int) -> PointSets:
    return PointSets(
        points=np.empty((size, max_points, 2 + channels), np.float32),
        mask=np.empty((size, max_points), bool),
        labels=np.empty(size, np.int32),
    )


def _shown(examples: Examples, description: str, progress: bool) -> Iterable[Example]:
    """Shows how far it is, but where stderr goes to a file, which is what ``disable=None`` means."""
    disable = None if progress else True
    return tqdm(examples, description, unit=" images", leave=False, disable=disable)
