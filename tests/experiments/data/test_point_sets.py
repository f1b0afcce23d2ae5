"""Images as sets of points, and from a dataset's name to arrays by the code that a run uses."""

from __future__ import annotations

import doctest
import sys
from collections import Counter
from pathlib import Path

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import tensorflow_datasets as tfds
from hypothesis import given
from hypothesis import strategies as st

from experiments.data import Dataset, PointSets, image_to_points, load_point_sets, point_sets
from experiments.data.point_sets import count_points
from experiments.errors import UserError
from tests.experiments.data.writing import (
    mnist_features,
    png,
    random_images,
    snapshot,
    to_tfrecord,
    write,
    write_mnist,
)

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


def test_an_image_becomes_a_set_of_some_size() -> None:
    with pytest.raises(ValueError, match="max_points=0"):
        image_to_points(np.zeros((2, 2)), 0)


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(point_sets).attempted > 0
    assert doctest.testmod(point_sets).failed == 0


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def digits(data_dir: Path) -> Dataset:
    return load_point_sets("digits", data_dir)


def as_counter(sets: PointSets) -> Counter[tuple[bytes, bytes, int]]:
    return Counter(
        (points.tobytes(), mask.tobytes(), int(label))
        for points, mask, label in zip(sets.points, sets.mask, sets.labels, strict=True)
    )


def test_digits(digits: Dataset) -> None:
    assert digits.name == "digits"
    assert digits.num_classes == 10
    assert [len(digits.train), len(digits.validation), len(digits.test)] == [1197, 300, 300]
    largest = 0
    for sets in (digits.train, digits.validation, digits.test):
        assert sets.points.shape[1:] == (sets.mask.shape[1], 3)
        assert sets.points.dtype == np.float32
        assert sets.labels.dtype == np.int32
        assert not sets.points[~sets.mask].any()
        assert np.abs(sets.points[..., :2]).max() == 1
        assert sets.points[..., 2].max() == 1  # 16 of 16
        assert sets.points[sets.mask][:, 2].min() == 1 / 16
        largest = max(largest, sets.mask.sum(axis=1).max())
    assert largest == digits.train.mask.shape[1] <= 64


def test_digits_are_the_same_the_second_time(digits: Dataset, data_dir: Path) -> None:
    before = snapshot(data_dir)
    again = load_point_sets("digits", data_dir)
    assert snapshot(data_dir) == before
    for split in ("train", "validation", "test"):
        for array in ("points", "mask", "labels"):
            np.testing.assert_array_equal(
                getattr(getattr(again, split), array), getattr(getattr(digits, split), array)
            )


def test_nothing_is_said_where_stderr_is_no_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    load_point_sets("digits", tmp_path)
    write_mnist(tmp_path, "tiny_mnist", train=20, test=3)
    capfd.readouterr()
    load_point_sets("tiny_mnist", tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("progress", [True, False])
def test_progress_is_shown_on_a_terminal(
    progress: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    load_point_sets("digits", tmp_path, progress=progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("Generating train examples" in err) == progress
    assert ("converting train" in err) == progress


@pytest.mark.parametrize("max_points", [None, 30, 900])
def test_a_dataset_in_the_format_of_tfds(tmp_path: Path, max_points: int | None) -> None:
    written = write_mnist(tmp_path, "tiny_mnist", train=40, test=7)
    loaded = load_point_sets("tiny_mnist", tmp_path, max_points)
    largest = max(int((image > 0).sum()) for part in written.values() for image, _ in part)
    size = max_points or largest
    assert loaded.num_classes == 10
    assert [len(loaded.train), len(loaded.validation), len(loaded.test)] == [36, 4, 7]

    def expected(split: str) -> Counter[tuple[bytes, bytes, int]]:
        return Counter(
            (*(array.tobytes() for array in image_to_points(image, size)), int(label))
            for image, label in written[split]
        )

    assert as_counter(loaded.train) + as_counter(loaded.validation) == expected("train")
    assert as_counter(loaded.test) == expected("test")


@pytest.mark.usefixtures("without_tensorflow")
def test_a_copy_of_a_stock_dataset_needs_no_tensorflow(tmp_path: Path) -> None:
    write_mnist(tmp_path, "mnist", train=20, test=5)
    before = snapshot(tmp_path)
    assert len(load_point_sets("mnist", tmp_path).test) == 5
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("without_tensorflow")
def test_the_tfrecord_format_needs_no_tensorflow(tmp_path: Path) -> None:
    write_mnist(tmp_path, "mnist", train=600, test=5)  # more than are read at a time
    expected = load_point_sets("mnist", tmp_path)
    to_tfrecord(tmp_path / "mnist" / "3.0.1")
    found = load_point_sets("mnist", tmp_path)
    for split in ("train", "validation", "test"):
        for array in ("points", "mask", "labels"):
            np.testing.assert_array_equal(
                getattr(getattr(found, split), array), getattr(getattr(expected, split), array)
            )


def test_a_validation_split_is_used_where_there_is_one(tmp_path: Path) -> None:
    written = write_mnist(tmp_path, "tiny_mnist", train=10, validation=6, test=2)
    loaded = load_point_sets("tiny_mnist", tmp_path)
    assert [len(loaded.train), len(loaded.validation), len(loaded.test)] == [10, 6, 2]
    assert Counter(loaded.validation.labels.tolist()) == Counter(
        int(label) for _, label in written["validation"]
    )


def test_colour_and_plain_tensors(tmp_path: Path) -> None:
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Tensor(shape=(6, 5, 3), dtype=np.uint16),
            "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        }
    )
    images = random_images(12, 0, (6, 5, 3)).astype(np.uint16) * 257
    examples = [{"image": image, "label": index % 2} for index, image in enumerate(images)]
    write(tmp_path, "pets", features, {"train": examples, "test": examples[:2]})
    loaded = load_point_sets("pets", tmp_path)
    assert loaded.num_classes == 2
    assert loaded.train.points.shape[2] == 5
    intensities = loaded.train.points[loaded.train.mask][:, 2:]
    assert 0.5 < intensities.max() <= 1  # of 65535, the most that uint16 holds


def test_images_without_a_point_and_of_any_size(tmp_path: Path) -> None:
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 1)),
            "label": tfds.features.ClassLabel(num_classes=1),
        }
    )
    black = [np.zeros((side, 2, 1), np.uint8) for side in range(1, 21)]
    examples = [{"image": png(image), "label": 0} for image in black]
    write(tmp_path, "black", features, {"train": examples, "test": examples[:1]})
    loaded = load_point_sets("black", tmp_path)
    assert loaded.train.points.shape == (18, 1, 3)
    assert not loaded.train.mask.any()


def test_rejects_sets_of_no_size(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^data\.max_points=0: must be at least 1"):
        load_point_sets("digits", tmp_path, max_points=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("image", "label", "match"),
    [
        pytest.param((28, 28, 1), -1, "has no labels", id="labels"),
        pytest.param((28, 28, 3), 0, r"an image of shape \(28, 28, 3\), which is not", id="channels"),
    ],
)
def test_rejects_examples_that_are_not_what_was_declared(
    image: tuple[int, ...], label: int, match: str, tmp_path: Path
) -> None:
    example = {"image": png(np.zeros(image, np.uint8)), "label": label}
    write(tmp_path, "odd", mnist_features(), {"train": [example] * 10, "test": [example]})
    with pytest.raises(UserError, match=match):
        load_point_sets("odd", tmp_path)


def test_upscaled_images_make_larger_sets_of_the_same_shapes(digits: Dataset, data_dir: Path) -> None:
    large = load_point_sets("digits", data_dir, upscale=4, progress=False)
    assert digits.train.points.shape[1] < 64 < 512 < large.train.points.shape[1] <= 1024
    for sets, larger in ((digits.train, large.train), (digits.test, large.test)):
        np.testing.assert_array_equal(sets.labels, larger.labels)
        assert (larger.mask.sum(1) > 8 * sets.mask.sum(1)).all()
        assert larger.points[..., 2].max() == 1
        # The middle of the ink stays where it was.
        middles = [
            (s.points[..., :2] * s.points[..., 2:]).sum(1) / s.points[..., 2:].sum(1) for s in (sets, larger)
        ]
        assert np.abs(middles[0] - middles[1]).max() < 0.1
    with pytest.raises(UserError, match=r"data\.upscale=0: must be at least 1"):
        load_point_sets("digits", data_dir, upscale=0)
