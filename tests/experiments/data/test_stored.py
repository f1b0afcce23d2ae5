"""Splits on disk give what splits in memory give."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import tensorflow_datasets as tfds

from experiments.data import (
    Dataset,
    LabelledVectors,
    PixelSets,
    Records,
    Stored,
    load_point_sets,
    load_vectors,
    stored,
    stream,
    training_batches,
)
from experiments.errors import UserError
from tests.experiments.data import reads_all
from tests.experiments.data.reads_all import MAX_POINTS, SPARE
from tests.experiments.data.writing import to_tfrecord, write, write_mnist

NOISE = {"label_noise": 0.3, "rare_classes": [3, 5], "rare_fraction": 0.4, "seed": 2}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stored")
    for name in ("tiny", "tiny_tfrecord"):
        write_mnist(path, name, train=70, test=9)
    to_tfrecord(path / "tiny_tfrecord" / "3.0.1")
    return path


def load(directory: Path, name: str = "tiny", in_memory: bool | None = False, **settings: Any) -> Dataset:
    make = load_vectors if settings.pop("vectors", False) else load_point_sets
    return make(name, directory, in_memory=in_memory, progress=False, **settings)


@pytest.mark.parametrize("name", ["tiny", "tiny_tfrecord"])
@pytest.mark.parametrize("settings", [{}, {"max_points": 40, **NOISE}, {"vectors": True, **NOISE}], ids=str)
def test_nothing_tells_disk_from_memory(directory: Path, name: str, settings: dict[str, Any]) -> None:
    disk, memory = load(directory, name, False, **settings), load(directory, name, True, **settings)
    assert disk.num_classes == memory.num_classes
    for split in ("train", "validation", "test"):
        ours, theirs = getattr(disk, split), getattr(memory, split)
        assert isinstance(ours, Stored)
        assert ours.kind is theirs.kind is (LabelledVectors if "vectors" in settings else PixelSets)
        assert len(ours) == len(theirs)
        assert ours.model_arguments() == theirs.model_arguments()
        for which in (np.array([2, 0, 2]), np.array([], int)):
            some, same = ours.take(which).arrays(), theirs.take(which).arrays()
            for array, values in some.items():
                np.testing.assert_array_equal(values, same[array], strict=True)
    batches = (training_batches(data.train, 8, seed=4) for data in (disk, memory))
    for _, one, other in zip(range(20), *map(stream, batches), strict=False):
        for array, values in one.items():
            np.testing.assert_array_equal(values, other[array], strict=True)


def test_what_is_large_for_the_memory_stays_on_disk(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = load(directory, max_points=100, in_memory=True).train.arrays().values()
    needed = 4 * sum(values.nbytes for values in sizes)
    for limit, fits in ((needed, False), (needed + 1, True)):
        monkeypatch.setattr(stored, "memory_limit", lambda limit=limit: limit)
        assert isinstance(load(directory, max_points=100, in_memory=None).train, PixelSets) == fits


class Broken:
    """Records with a number that is none."""

    def __len__(self) -> int:
        return 10

    def read(self, rows: Any) -> tuple[list[np.ndarray], np.ndarray]:
        return [np.float32([np.nan if row == 7 else row]) for row in rows], np.zeros(len(rows), np.int32)


def test_a_number_that_is_not_finite_is_found_when_it_is_read() -> None:
    records = cast("Records", Broken())
    split = Stored("study", "train", records, LabelledVectors, lambda a, b: LabelledVectors(np.stack(a), b))
    dataset = Dataset("study", 1, split, split, split)
    assert len(dataset.train.take(np.arange(7))) == 7
    with pytest.raises(UserError, match=r"^data\.name=study: the features of row 7 of train are not all fin"):
        list(stream(training_batches(dataset.train, 2, seed=0)))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits and accounts are Linux's")
def test_memory_is_flat_over_ten_times_as_much_data(tmp_path: Path) -> None:
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Tensor(shape=(128, 128), dtype=np.uint8),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
    )
    image, size = np.random.default_rng(0).integers(1, 256, (128, 128), np.uint8), 2640
    examples = ({"image": np.roll(image, row), "label": row % 10} for row in range(size))
    write(tmp_path, "large", features, {"train": examples, "test": [{"image": image, "label": 0}]})  # type: ignore[dict-item]
    assert 0.9 * size * MAX_POINTS * 13 > 10 * SPARE

    def read(in_memory: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", reads_all.__name__, str(tmp_path), in_memory]
        # One arena, since what each thread's keeps for itself depends on which runs when.
        one = os.environ | {"MALLOC_ARENA_MAX": "1"}
        return subprocess.run(command, check=False, capture_output=True, text=True, env=one)

    done = read("false")
    assert (done.returncode, done.stdout) == (0, "read all 594\n"), done.stderr
    assert "MemoryError" in read("true").stderr  # so there is a limit, and more than fits
