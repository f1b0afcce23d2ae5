from __future__ import annotations

import doctest

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.data import point_sets
from experiments.data.point_sets import PointSets, count_points, image_to_points

# Few grey levels, so that there are many ties and many black pixels.
IMAGES = st.one_of(
    hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6),
).flatmap(lambda shape: hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 1, 7, 255])))


def expected(image: np.ndarray, max_points: int, max_intensity: float) -> list[list[float]]:
    """The points, in plain Python."""
    pixels = image.reshape(*image.shape[:2], -1).tolist()
    height, width = len(pixels), len(pixels[0])
    found = [
        (-sum(values), row, column, values)
        for row, line in enumerate(pixels)
        for column, values in enumerate(line)
        if any(values)
    ]
    kept = sorted(sorted(found, key=lambda point: point[:3])[:max_points], key=lambda point: point[1:3])

    def place(index: int, size: int) -> float:
        return 2 * index / (size - 1) - 1 if size > 1 else 0.0

    return [
        [place(row, height), place(column, width), *(value / max_intensity for value in values)]
        for _, row, column, values in kept
    ]


@given(IMAGES, st.integers(1, 40), st.sampled_from([16, 255, 65535]))
def test_matches_plain_python(image: np.ndarray, max_points: int, max_intensity: int) -> None:
    points, mask = image_to_points(image, max_points, max_intensity)
    wanted = expected(image, max_points, max_intensity)
    channels = 1 if image.ndim == 2 else image.shape[2]
    assert points.shape == (max_points, 2 + channels)
    assert mask.shape == (max_points,)
    assert points.dtype == np.float32
    assert mask.dtype == bool
    assert mask.tolist() == [True] * len(wanted) + [False] * (max_points - len(wanted))
    np.testing.assert_allclose(points[mask], np.reshape(wanted, (-1, 2 + channels)), rtol=1e-6)
    assert not points[~mask].any()


@given(IMAGES)
def test_counts_the_points(image: np.ndarray) -> None:
    assert count_points(image) == len(expected(image, image.size, 255))


@given(IMAGES)
def test_an_image_comes_back_from_its_points(image: np.ndarray) -> None:
    height, width = image.shape[:2]
    points, mask = image_to_points(image, height * width)
    rows = np.rint((points[mask, 0] + 1) / 2 * (height - 1)).astype(int)
    columns = np.rint((points[mask, 1] + 1) / 2 * (width - 1)).astype(int)
    rebuilt = np.zeros_like(image)
    values = np.rint(points[mask, 2:] * 255).astype(np.uint8)
    rebuilt[rows, columns] = values if image.ndim == 3 else values[:, 0]
    np.testing.assert_array_equal(rebuilt, image)


def test_keeps_the_brightest_and_the_first_of_equals() -> None:
    image = np.array([[9, 5, 0], [5, 7, 5]], np.uint8)
    points, mask = image_to_points(image, 3, max_intensity=1)
    assert points[:, 2].tolist() == [9, 5, 7]
    assert points[:, :2].tolist() == [[-1, -1], [-1, 0], [1, 0]]
    assert mask.all()


def test_brightness_is_the_sum_of_the_channels() -> None:
    image = np.array([[[200, 0, 0], [100, 100, 100], [255, 255, 255]]], np.uint8)
    points, _ = image_to_points(image, 2, max_intensity=1)
    assert points[:, 2:].tolist() == [[100, 100, 100], [255, 255, 255]]


def test_a_black_image_has_no_points() -> None:
    points, mask = image_to_points(np.zeros((4, 4), np.uint8), 5)
    assert not mask.any()
    assert not points.any()


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3, 4)])
def test_rejects_what_is_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"an image is \(H, W\) or \(H, W, C\)"):
        image_to_points(np.zeros(shape), 5)


def test_rejects_sets_of_no_size() -> None:
    with pytest.raises(ValueError, match="max_points=0"):
        image_to_points(np.zeros((2, 2)), 0)


def test_point_sets_have_a_length_and_one_size() -> None:
    points, mask, labels = np.zeros((4, 5, 3)), np.zeros((4, 5), bool), np.zeros(4, np.int32)
    assert len(PointSets(points, mask, labels)) == 4
    with pytest.raises(ValueError, match="not of the shapes"):
        PointSets(points, mask[:3], labels)
    with pytest.raises(ValueError, match="not of the shapes"):
        PointSets(points, mask, labels[:3])


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(point_sets).attempted > 0
    assert doctest.testmod(point_sets).failed == 0
