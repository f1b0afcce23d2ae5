"""Images as sets of points: a point for every pixel that is not black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from experiments.data.examples import Examples


@dataclass(frozen=True, eq=False)
class PointSets(Examples):
    """Labelled point sets, zero-padded to one size.

    Attributes:
        points: float32 ``(N, max_points, 2 + C)``: row and column in [-1, 1], then the C channels'
            intensities in [0, 1]. Zero where there is no point.
        mask: bool ``(N, max_points)``: where there is a point.
        labels: int32 ``(N,)``: class numbers, from 0.
    """

    inputs: ClassVar[tuple[str, ...]] = ("points", "mask")
    points: np.ndarray
    mask: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.mask.shape != self.points.shape[:2] or self.labels.shape != self.points.shape[:1]:
            raise ValueError(
                f"points {self.points.shape}, mask {self.mask.shape} and labels {self.labels.shape} "
                "are not of the shapes (N, max_points, 2 + C), (N, max_points) and (N,)"
            )

    def model_arguments(self) -> dict[str, Any]:
        """Returns how many features a point has."""
        return {"channels": self.points.shape[2]}


def count_points(image: np.ndarray) -> int:
    """Returns how many pixels of an image ``(H, W)`` or ``(H, W, C)`` have a non-zero channel."""
    return int(np.count_nonzero(image if image.ndim == 2 else image.any(axis=-1)))


def image_to_points(
    image: np.ndarray, max_points: int, max_intensity: float = 255
) -> tuple[np.ndarray, np.ndarray]:
    """Turns an image into the set of its non-zero pixels.

    The points come in row-major order. Where there are more than ``max_points``, the brightest stay,
    by the sum of their channels; of equally bright ones, those that come first.

    >>> points, mask = image_to_points(np.array([[0, 0, 51], [0, 255, 0]], np.uint8), max_points=3)
    >>> points
    array([[-1. ,  1. ,  0.2],
           [ 1. ,  0. ,  1. ],
           [ 0. ,  0. ,  0. ]], dtype=float32)
    >>> mask
    array([ True,  True, False])

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, of numbers between 0 and ``max_intensity``.
        max_points: The size of the set, padding included.
        max_intensity: The number that becomes intensity 1.

    Returns:
        The points, float32 ``(max_points, 2 + C)``: row from -1 (top) to 1 (bottom), column from -1
        (left) to 1 (right), intensities from 0 to 1. And the mask, bool ``(max_points,)``, which is
        False for the padding; the padding is 0.

    Raises:
        ValueError: If ``image`` has neither two nor three axes, or ``max_points`` is below 1.
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
    """The places of ``size`` pixels between -1 and 1; a single one is in the middle."""
    return np.linspace(-1, 1, size) if size > 1 else np.zeros(1)
