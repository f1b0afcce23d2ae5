from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.data import (
    LabelledVectors,
    NumberSets,
    load_number_sets,
    load_number_vectors,
    load_vectors,
    training_batches,
)
from experiments.errors import UserError
from tests.experiments.data.writing import write_mnist


def digits_of(directory: Path, split: str) -> dict[bytes, set[int]]:
    """What the images of a split show, by their pixels."""
    found: dict[bytes, set[int]] = {}
    vectors = getattr(load_vectors("digits", directory, progress=False), split)
    for pixels, label in zip(vectors.features, vectors.labels.tolist(), strict=True):
        found.setdefault(pixels.tobytes(), set()).add(label)
    return found


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_number_is_of_digits_of_its_split_side_by_side(data_directory: Path, split: str) -> None:
    data = load_number_sets("digits", data_directory, 3, 2, progress=False)
    known = digits_of(data_directory, split)
    sets = getattr(data, split).take(np.arange(20))
    assert isinstance(sets, NumberSets)
    assert sets.images.shape == (20, 3, 8, 16)
    assert sets.images.dtype == np.float32
    for image, number in zip(sets.images.reshape(-1, 8, 16), sets.numbers.ravel().tolist(), strict=True):
        tens, ones = (known[np.ascontiguousarray(half).tobytes()] for half in np.split(image, 2, 1))
        assert number in {10 * a + b for a in tens for b in ones}


def test_sets_are_drawn_by_the_seed_and_held_out_ones_are_the_same(data_directory: Path) -> None:
    first, again, other = (
        load_number_sets("digits", data_directory, 4, seed=seed, progress=False) for seed in (1, 1, 2)
    )
    rows = np.arange(50)
    for split in ("train", "validation", "test"):
        numbers = [getattr(data, split).take(rows).numbers for data in (first, again, other)]
        np.testing.assert_array_equal(numbers[0], numbers[1])
        assert (numbers[0] == numbers[2]).all() == (split != "train")
    assert len(np.unique(first.train.take(rows).numbers)) > 150
    assert (len(first.train), len(first.validation), len(first.test)) == (20_000, 1_000, 1_000)
    batch = training_batches(first.train, 8, 0)[5]
    assert batch["images"].shape == (8, 4, 8, 32)


def test_vectors_have_a_class_for_each_number_and_some_training_labels_wrong(data_directory: Path) -> None:
    clean = load_number_vectors("digits", data_directory, 300, progress=False)
    noisy = load_number_vectors("digits", data_directory, 300, label_noise=0.2, progress=False)
    assert clean.num_classes == 100
    assert isinstance(clean.train, LabelledVectors)
    assert clean.train.features.shape == (300, 128)
    np.testing.assert_array_equal(noisy.train.features, clean.train.features)
    assert (noisy.train.labels != clean.train.labels).sum() == 60
    np.testing.assert_array_equal(noisy.test.labels, clean.test.labels)


def test_digits_of_other_sizes(tmp_path: Path) -> None:
    write_mnist(tmp_path, "fashion_mnist", train=20, test=5)
    data = load_number_sets("fashion_mnist", tmp_path, 2, progress=False)
    assert data.train.model_arguments() == {"height": 28, "width": 112}
    images = data.train.take(np.arange(3)).images
    assert 0 <= images.min() < images.max() <= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"set_size": 1}, "data.set_size=1: must be at least 2"),
        ({"set_size": 3, "num_digits": 0}, "data.num_digits=0: must be from 1 to 9"),
    ],
)
def test_sizes_out_of_range_are_mistakes(
    data_directory: Path, settings: dict[str, int], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load_number_sets("digits", data_directory, **settings, progress=False)


def test_no_training_examples_are_a_mistake(data_directory: Path) -> None:
    with pytest.raises(UserError, match=r"data\.num_train=0: must be at least 1"):
        load_number_vectors("digits", data_directory, 0, progress=False)
