"""Shapes as point clouds, with the shape's middle at 0 and its farthest point at distance 1."""

import os
from functools import partial
from typing import Unpack

import numpy as np

from experiments.data.corruption import Corruption
from experiments.data.examples import Dataset, PointSets, RaggedSets, most_points
from experiments.data.modelnet40 import POINTS
from experiments.data.records import open_dataset
from experiments.data.stored import Stored, make_dataset
from experiments.errors import UserError


def load_point_clouds(
    name: str,
    directory: str | os.PathLike[str],
    num_points: int = 1024,
    *,
    ragged: bool = False,
    in_memory: bool | None = None,
    progress: bool = True,
    **corruption: Unpack[Corruption],
) -> Dataset:
    """Loads point clouds with class labels; a point is x, y and z.

    Args:
        name: `modelnet40`.
        directory: the folder of all datasets. Made and written where the dataset is not there yet.
        num_points: how many points to take of each cloud, the first, which are as good as random ones.
        ragged: whether batches hold the points of all sets one after the other.
        in_memory: whether to read all clouds now; None does so if they are few enough.
        progress: whether to show progress bars, on a terminal.
        **corruption: what is wrong with the training examples; see `corrupted`.

    Raises:
        UserError: as `open_dataset` and `corrupted`, or there are not so many points.
    """
    if not 1 <= num_points <= POINTS:
        raise UserError(f"data.num_points={num_points}: must be at least 1 and at most {POINTS}")
    clouds = open_dataset(name, directory, feature="points", progress=progress)
    most = most_points(np.full(max(map(len, clouds.values())), num_points)) if ragged else None
    convert, kind = partial(_to_sets, num_points=num_points, most=most), RaggedSets if ragged else PointSets
    splits = {split: Stored(name, split, part, kind, convert) for split, part in clouds.items()}
    num_classes = clouds["train"].num_classes
    return make_dataset(num_classes, splits, in_memory=in_memory, progress=progress, **corruption)


def _to_sets(
    clouds: list[np.ndarray], labels: np.ndarray, *, num_points: int, most: np.ndarray | None
) -> PointSets:
    points = np.stack([cloud[:num_points] for cloud in clouds])
    points -= points.mean(1, keepdims=True)
    farthest = np.linalg.norm(points, axis=-1).max(1)
    points /= np.where(farthest > 0, farthest, 1)[:, None, None]
    mask = np.ones(points.shape[:2], bool)
    return PointSets(points, mask, labels) if most is None else RaggedSets(points, mask, labels, most)
