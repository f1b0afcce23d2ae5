"""Images as sets of points: a point for every pixel that is not black."""

import functools
import os
from typing import Unpack

import numpy as np
from scipy.ndimage import zoom

from experiments.data.corruption import Corruption
from experiments.data.examples import Dataset, PixelSets, PointSets, RaggedSets, most_points
from experiments.data.records import Records, chunks, open_dataset
from experiments.data.stored import Stored, make_dataset
from experiments.errors import UserError


def load_point_sets(
    name: str,
    directory: str | os.PathLike[str],
    max_points: int | None = None,
    *,
    upscale: int = 1,
    ragged: bool = False,
    in_memory: bool | None = None,
    progress: bool = True,
    **corruption: Unpack[Corruption],
) -> Dataset:
    """Loads a dataset of images and turns every image into the set of its non-zero pixels.

    See `open_dataset` for what is read and `image_to_points` for what becomes of an image. The arrays take
    (9 + 4 · C) · `max_points` bytes an example.

    Args:
        name: `digits`, `fashion_mnist`, or what TFDS calls a dataset of images with labels.
        directory: the folder of all datasets. Made and written where the dataset is not there yet.
        max_points: the size of every set. None is that of the largest in all three splits, which never
            exceeds the pixels of an image; all images are read to count them.
        upscale: how many times as high and wide to make the images before, linearly between the pixels:
            larger sets of the same shapes.
        ragged: whether batches hold the points of all sets without padding; all images are read to count
            them, so that every batch fits.
        in_memory: whether to convert all images now; None does so if the sets are few enough.
        progress: whether to show progress bars, on a terminal.
        **corruption: what is wrong with the training examples; see `corrupted`.

    Raises:
        UserError: as `open_dataset` and `corrupted`, or a size is below 1.
    """
    if upscale < 1:
        raise UserError(f"data.upscale={upscale}: must be at least 1")
    if max_points is not None and max_points < 1:
        raise UserError(f"data.max_points={max_points}: must be at least 1, or null for the largest set")
    images = open_dataset(name, directory, progress=progress)
    of = images["train"]
    sizes = np.zeros(1, np.int64)
    if max_points is None or ragged:
        sizes = np.concatenate([_sizes(part, split, upscale, progress) for split, part in images.items()])
    if max_points is None:
        max_points = max(1, int(sizes.max()))
    convert = functools.partial(
        _to_sets,
        max_points=max_points,
        max_intensity=of.max_intensity,
        upscale=upscale,
        most=most_points(np.minimum(sizes, max_points)) if ragged else None,
    )
    kind = RaggedSets if ragged else PixelSets
    splits = {split: Stored(name, split, part, kind, convert) for split, part in images.items()}
    return make_dataset(of.num_classes, splits, in_memory=in_memory, progress=progress, **corruption)


def _to_sets(
    images: list[np.ndarray],
    labels: np.ndarray,
    *,
    max_points: int,
    max_intensity: float,
    upscale: int,
    most: np.ndarray | None,
) -> PointSets:
    sets = [image_to_points(_enlarged(image, upscale), max_points, max_intensity) for image in images]
    points, masks = map(np.stack, zip(*sets, strict=True))
    return PixelSets(points, masks, labels) if most is None else RaggedSets(points, masks, labels, most)


def _sizes(images: Records, split: str, upscale: int, progress: bool) -> np.ndarray:
    parts = (images.read(rows)[0] for rows in chunks(len(images), f"counting points of {split}", progress))
    return np.array([count_points(_enlarged(image, upscale)) for part in parts for image in part])


def _enlarged(image: np.ndarray, factor: int) -> np.ndarray:
    return zoom(image, (factor, factor, 1)[: image.ndim], order=1) if factor > 1 else image


def count_points(image: np.ndarray) -> int:
    """Returns how many pixels of an image (H, W) or (H, W, C) have a non-zero channel."""
    return int(np.count_nonzero(image if image.ndim == 2 else image.any(axis=-1)))


def image_to_points(
    image: np.ndarray, max_points: int, max_intensity: float = 255
) -> tuple[np.ndarray, np.ndarray]:
    """Turns an image into the set of its non-zero pixels.

    The points come in row-major order. Where there are more than `max_points`, the brightest stay, by the
    sum of their channels; of equally bright ones, those that come first.

    >>> points, mask = image_to_points(np.array([[0, 0, 51], [0, 255, 0]], np.uint8), max_points=3)
    >>> points
    array([[-1. ,  1. ,  0.2],
           [ 1. ,  0. ,  1. ],
           [ 0. ,  0. ,  0. ]], dtype=float32)
    >>> mask
    array([ True,  True, False])

    Args:
        image: (H, W) or (H, W, C), of numbers between 0 and `max_intensity`.
        max_points: the size of the set, padding included.
        max_intensity: the number that becomes intensity 1.

    Returns:
        The points, float32 (max_points, 2 + C): row from -1 (top) to 1 (bottom), column from -1 (left) to 1
        (right), intensities from 0 to 1. And the mask, bool (max_points,), which is False for the padding;
        the padding is 0.

    Raises:
        ValueError: `image` has neither two nor three axes, or `max_points` is below 1.
    """
    if image.ndim not in (2, 3):
        raise ValueError(f"an image is (H, W) or (H, W, C), not {image.shape}")
    if max_points < 1:
        raise ValueError(f"max_points={max_points}: must be at least 1")
    pixels = image if image.ndim == 3 else image[..., np.newaxis]
    height, width, channels = pixels.shape
    # Positions in the flattened image: one number a pixel, and the order that the docstring promises.
    flat = pixels.reshape(height * width, channels)
    chosen = np.flatnonzero(flat.any(axis=-1))
    if len(chosen) > max_points:
        darkness = -flat[chosen].sum(axis=-1, dtype=np.float64)
        chosen = np.sort(chosen[np.argsort(darkness, kind="stable")[:max_points]])
    rows, columns = np.divmod(chosen, width)
    count = len(chosen)
    points = np.zeros((max_points, 2 + channels), np.float32)
    points[:count, 0] = _coordinates(height)[rows]
    points[:count, 1] = _coordinates(width)[columns]
    points[:count, 2:] = flat[chosen] / np.float32(max_intensity)
    return points, np.arange(max_points) < count


@functools.cache
def _coordinates(size: int) -> np.ndarray:
    """The places of `size` pixels between -1 and 1; a single one is in the middle."""
    return np.linspace(-1, 1, size) if size > 1 else np.zeros(1)
