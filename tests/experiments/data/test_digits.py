from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from experiments.data.digits import Digits

SIZES = {"train": 1197, "validation": 300, "test": 300}
FIRST = {
    "train": [0, 1, 2, 3, 4, 8, 9, 13],
    "validation": [6, 12, 17, 30, 34, 43, 49, 52],
    "test": [5, 7, 10, 11, 24, 26, 33, 40],
}


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    builder = Digits(data_dir=tmp_path_factory.mktemp("digits"), file_format="array_record")
    builder.download_and_prepare()
    return builder


def contents(examples: Any) -> list[tuple[bytes, int]]:
    return [(example["image"].tobytes(), example["label"]) for example in examples]


def test_splits_share_out_the_examples_of_scikit_learn(builder: Digits) -> None:
    images, labels = load_digits(return_X_y=True)
    expected = [
        (image.astype(np.uint8).tobytes(), label) for image, label in zip(images, labels, strict=True)
    ]
    found = [pair for split in SIZES for pair in contents(builder.as_data_source(split))]
    assert Counter(found) == Counter(expected)


def test_sizes_and_classes(builder: Digits) -> None:
    for split, size in SIZES.items():
        labels = [label for _, label in contents(builder.as_data_source(split))]
        assert len(labels) == builder.info.splits[split].num_examples == size
        if split != "train":
            assert set(Counter(labels).values()) == {30}


def test_splits_never_change(builder: Digits) -> None:
    """Which drawings are held out, by their places in scikit-learn's order."""
    images, _ = load_digits(return_X_y=True)
    places = {image.astype(np.uint8).tobytes(): place for place, image in enumerate(images)}
    assert len(places) == len(images)
    for split, first in FIRST.items():
        found = sorted(places[image] for image, _ in contents(builder.as_data_source(split)))
        assert found[:8] == first


def test_another_copy_has_the_same_order(builder: Digits, tmp_path: Path) -> None:
    other = Digits(data_dir=tmp_path, file_format="array_record")
    other.download_and_prepare()
    for split in SIZES:
        assert contents(other.as_data_source(split)) == contents(builder.as_data_source(split))


def test_describes_itself(builder: Digits) -> None:
    example = builder.as_data_source("test")[0]
    assert example["image"].shape == (8, 8, 1)
    assert example["image"].dtype == np.uint8
    images = np.stack([example["image"] for example in builder.as_data_source("train")])
    assert images.max() == builder.info.metadata["max_intensity"] == 16
    assert builder.info.features["label"].num_classes == 10
    assert builder.info.supervised_keys == ("image", "label")
    assert "Alpaydin" in builder.info.citation
    assert str(builder.info.version) == "1.0.0"
