"""Images as sets of points: a point for every pixel that is not black."""

import os
from collections.abc import Iterable
from typing import Unpack

import numpy as np
from scipy.ndimage import zoom
from tqdm import tqdm

from experiments.data.corruption import Corruption, corrupted
from experiments.data.examples import Dataset, PointSets
from experiments.data.images import Example, open_dataset
from experiments.errors import UserError


def load_point_sets(
    name: str,
    directory: str | os.PathLike[str],
    max_points: int | None = None,
    *,
    upscale: int = 1,
    progress: bool = True,
    **corruption: Unpack[Corruption],
) -> Dataset:
    """Loads a dataset of images and turns every image into the set of its non-zero pixels.

    See `open_dataset` for what is read and `image_to_points` for what becomes of an image. The arrays take
    4 · (2 + C) · `max_points` bytes an example.

    Args:
        name: `digits`, or what TFDS calls a dataset of images with labels.
        directory: the folder of all datasets. Made and written where the dataset is not there yet.
        max_points: the size of every set. None is that of the largest in all three splits, which never
            exceeds the pixels of an image.
        upscale: how many times as high and wide to make the images before, linearly between the pixels:
            larger sets of the same shapes.
        progress: whether to show progress bars, on a terminal.
        **corruption: what is wrong with the training examples; see `corrupted`.

    Raises:
        UserError: as `open_dataset` and `corrupted`, or a size is below 1.
    """
    if upscale < 1:
        raise UserError(f"data.upscale={upscale}: must be at least 1")
    if max_points is not None and max_points < 1:
        raise UserError(f"data.max_points={max_points}: must be at least 1, or null for the largest set")

    def shown(examples: Iterable[Example], doing: str) -> Iterable[Example]:
        # disable=None shows nothing where stderr goes to a file.
        disable = None if progress else True
        return tqdm(examples, doing, unit=" images", leave=False, disable=disable)

    images = open_dataset(name, directory, progress=progress)
    of = images["train"]
    splits: dict[str, Iterable[Example]] = {**images}
    if upscale > 1 or max_points is None:
        # Kept, as decoding is most of the work, and as bytes take a quarter of what floats will.
        splits = {
            split: [(_enlarged(image, upscale), label) for image, label in shown(part, f"reading {split}")]
            for split, part in splits.items()
        }
    if max_points is None:
        max_points = max(1, *(count_points(image) for part in splits.values() for image, _ in part))
    sets = {}
    for split, part in splits.items():
        size = len(images[split])
        points = np.empty((size, max_points, 2 + of.channels), np.float32)
        mask, labels = np.empty((size, max_points), bool), np.empty(size, np.int32)
        for row, (image, label) in enumerate(shown(part, f"converting {split}")):
            points[row], mask[row] = image_to_points(image, max_points, of.max_intensity)
            labels[row] = label
        sets[split] = PointSets(points, mask, labels)
    sets["train"] = corrupted(sets["train"], of.num_classes, **corruption)
    return Dataset(name, of.num_classes, **sets)


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


def _coordinates(size: int) -> np.ndarray:
    """The places of `size` pixels between -1 and 1; a single one is in the middle."""
    return np.linspace(-1, 1, size) if size > 1 else np.zeros(1)
