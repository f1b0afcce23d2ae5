"""What a dataset must be, and what is said of one that is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from experiments.data import Records, open_dataset
from experiments.errors import UserError
from tests.experiments.data.writing import to_tfrecord, write, write_mnist

LABEL = tfds.features.ClassLabel(num_classes=3)
IMAGE = tfds.features.Tensor(shape=(2, 2), dtype=np.uint8)


def assert_told(error: pytest.ExceptionInfo[UserError], *parts: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def contents(records: Records) -> list[tuple[bytes, int]]:
    images, labels = records.read(range(len(records)))
    assert labels.dtype == np.int32
    return [(image.tobytes(), label) for image, label in zip(images, labels.tolist(), strict=True)]


def test_reads_images_and_labels(tmp_path: Path) -> None:
    written = write_mnist(tmp_path, "tiny_mnist", train=30, test=4)
    dataset = open_dataset("tiny_mnist", tmp_path)
    assert {split: len(part) for split, part in dataset.items()} == {"train": 27, "validation": 3, "test": 4}
    for part in dataset.values():
        assert (part.num_classes, part.max_intensity) == (10, 255)
    assert set(contents(dataset["test"])) == {(image.tobytes(), label) for image, label in written["test"]}
    (third, first), _ = dataset["test"].read([2, 0])
    assert [third.tobytes(), first.tobytes()] == [contents(dataset["test"])[row][0] for row in (2, 0)]


def test_the_carved_splits_are_fixed_and_apart(tmp_path: Path) -> None:
    write_mnist(tmp_path, "tiny_mnist", train=30, test=4)
    found = []
    for _ in range(2):
        dataset = open_dataset("tiny_mnist", tmp_path)
        found.append([contents(dataset[split]) for split in ("train", "validation")])
    assert found[0] == found[1]
    assert not set(found[0][0]) & set(found[0][1])


def test_home_is_where_the_tilde_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_mnist(tmp_path / "data", "tiny_mnist", train=10, test=1)
    assert len(open_dataset("tiny_mnist", "~/data")["train"]) == 9


@pytest.mark.parametrize(
    ("features", "example", "listed"),
    [
        pytest.param(
            {"text": tfds.features.Text(), "label": LABEL},
            {"text": "a", "label": 0},
            "label (ClassLabel), text (Text)",
            id="no image",
        ),
        pytest.param({"image": IMAGE}, {"image": np.zeros((2, 2), np.uint8)}, "image (Tensor", id="no label"),
        pytest.param(
            {"image": tfds.features.Tensor(shape=(2, 2), dtype=np.float32), "label": LABEL},
            {"image": np.zeros((2, 2), np.float32), "label": 0},
            "image (Tensor float32 (2, 2)), label (ClassLabel)",
            id="no intensities",
        ),
        pytest.param(
            {"image": tfds.features.Tensor(shape=(2,), dtype=np.uint8), "label": LABEL},
            {"image": np.zeros(2, np.uint8), "label": 0},
            "image (Tensor uint8 (2,))",
            id="no rows and columns",
        ),
        pytest.param(
            {"image": IMAGE, "label": tfds.features.Scalar(np.float32)},
            {"image": np.zeros((2, 2), np.uint8), "label": 0.5},
            "label (Scalar)",
            id="no classes",
        ),
    ],
)
def test_rejects_what_is_not_images_with_labels(
    features: dict[str, tfds.features.FeatureConnector],
    example: dict[str, object],
    listed: str,
    tmp_path: Path,
) -> None:
    write(tmp_path, "other", tfds.features.FeaturesDict(features), {"train": [example], "test": [example]})
    with pytest.raises(UserError) as error:
        open_dataset("other", tmp_path)
    assert_told(error, "data.name=other: not images with class labels; its features are", listed)


def test_names_few_of_many_features(tmp_path: Path) -> None:
    names = [f"feature_{index}" for index in range(20)]
    features = tfds.features.FeaturesDict(dict.fromkeys(names, tfds.features.Scalar(np.int32)))
    write(tmp_path, "wide", features, {"train": [dict.fromkeys(names, 0)]})
    with pytest.raises(UserError) as error:
        open_dataset("wide", tmp_path)
    assert_told(error, "feature_0 (Scalar)", ", ...; choose")
    assert "feature_9 " not in str(error.value)


def test_rejects_a_stock_dataset_before_preparing_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        open_dataset("imdb_reviews", tmp_path)
    assert_told(error, "data.name=imdb_reviews", "label (ClassLabel), text (Text)")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sizes", "match"),
    [
        ({"train": 10}, "no test split, only train; choose another dataset"),
        ({"validation": 5, "test": 5}, "no train split, only "),
        ({"train": 3, "test": 1}, r"no examples in train\[90%:\]; choose another dataset"),
    ],
)
def test_rejects_a_lack_of_splits(sizes: dict[str, int], match: str, tmp_path: Path) -> None:
    write_mnist(tmp_path, "tiny_mnist", **sizes)
    with pytest.raises(UserError, match=f"^data.name=tiny_mnist: {match}"):
        open_dataset("tiny_mnist", tmp_path)


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_rejects_damaged_files(file_format: str, damage: str, tmp_path: Path) -> None:
    write_mnist(tmp_path, "tiny_mnist", train=20, test=2)
    folder = tmp_path / "tiny_mnist" / "3.0.1"
    if file_format == "tfrecord":
        to_tfrecord(folder)
    (shard,) = folder.glob("*-train.*")
    if damage == "truncated":
        shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    else:
        shard.unlink()
    dataset = open_dataset("tiny_mnist", tmp_path)
    with pytest.raises(UserError) as error:
        contents(dataset["train"])
    assert_told(error, f"{folder}: cannot be read: ", "; mend it, or delete it to start over")


def test_rejects_a_tfrecord_file_that_ends_early(tmp_path: Path) -> None:
    write_mnist(tmp_path, "tiny_mnist", train=20, test=2)
    folder = tmp_path / "tiny_mnist" / "3.0.1"
    to_tfrecord(folder)
    (shard,) = folder.glob("*-test.*")
    shard.write_bytes(b"")
    with pytest.raises(UserError) as error:
        contents(open_dataset("tiny_mnist", tmp_path)["test"])
    assert_told(error, f"{shard.name} lacks 2 examples")
