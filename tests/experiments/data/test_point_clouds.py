"""ModelNet40, from files made in the format of PointNet++."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments.data import Dataset, PixelSets, PointSets, load_point_clouds
from experiments.data.modelnet40 import POINTS, ModelNet40
from experiments.errors import UserError

SHAPES = {"train": ["airplane_0001", "night_stand_0002", "xbox_0003"] * 4, "test": ["night_stand_0200"]}
# Names are unique, as those of the files are.
NAMES = {
    split: [f"{name[:-4]}{int(name[-4:]) + 3 * row:04}" for row, name in enumerate(names)]
    for split, names in SHAPES.items()
}


def points_of(name: str) -> np.ndarray:
    random = np.random.default_rng(int(name[-4:]))
    return np.round(random.normal(3, 2, (POINTS + 5, 6)), 4)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("modelnet")
    folder = data_dir / "downloads" / "manual" / "modelnet40_normal_resampled"
    for split, names in NAMES.items():
        for name in names:
            file = folder / name.rpartition("_")[0] / f"{name}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savetxt(file, points_of(name), "%.4f", ",")
        (folder / f"modelnet40_{split}.txt").write_text("\n".join(names) + "\n")
    return data_dir


@pytest.fixture(scope="module")
def clouds(written: Path) -> Dataset:
    return load_point_clouds("modelnet40", written, 100, progress=False)


def normalised(name: str, size: int) -> np.ndarray:
    points = points_of(name)[:size, :3]
    points = points - points.mean(0)
    return points / np.sqrt((points**2).sum(1).max())


def test_clouds_are_the_first_points_in_the_unit_ball(clouds: Dataset) -> None:
    assert clouds.num_classes == 40
    assert [len(clouds.train), len(clouds.validation), len(clouds.test)] == [11, 1, 1]
    assert isinstance(clouds.test, PointSets)
    assert not isinstance(clouds.test, PixelSets)
    assert clouds.test.points.dtype == np.float32
    assert clouds.test.mask.all()
    np.testing.assert_allclose(clouds.test.points[0], normalised(NAMES["test"][0], 100), atol=1e-5)
    (label,) = clouds.test.labels
    assert ModelNet40(data_dir="/nowhere").info.features["label"].names[label] == "night_stand"


def test_the_number_of_points_is_a_choice(written: Path) -> None:
    data = load_point_clouds("modelnet40", written, POINTS, in_memory=False, progress=False)
    found = data.test.take(np.arange(1))
    np.testing.assert_allclose(found.points[0], normalised(NAMES["test"][0], POINTS), atol=1e-5)  # type: ignore[attr-defined]
    for size in (0, POINTS + 1):
        with pytest.raises(UserError, match=f"^data.num_points={size}: must be at least 1 and at most 2048$"):
            load_point_clouds("modelnet40", written, size)


def test_says_where_to_put_the_files(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"^data.name=modelnet40: no .*modelnet40_train.txt; unpack https://\S+ in "
    ):
        load_point_clouds("modelnet40", tmp_path)


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda _: None, r"night_stand_0200.txt: cannot be read: .* not found"),
        (
            lambda file: file.write_text("1,2,3\n"),
            "night_stand_0200.txt: not 2048 lines of finite numbers x,y,z",
        ),
        (
            lambda file: file.write_text("nan,2,3\n" * POINTS),
            "night_stand_0200.txt: not 2048 lines of finite",
        ),
        (lambda file: file.write_text("<html>"), "night_stand_0200.txt: cannot be read: "),
        (
            lambda file: (file.parents[1] / "modelnet40_train.txt").write_text("zebra_0001"),
            "modelnet40_train.txt: zebra_0001 is of no class of ModelNet40",
        ),
    ],
)
def test_damaged_files_are_named(damage: Callable[[Path], object], match: str, tmp_path: Path) -> None:
    folder = tmp_path / "downloads" / "manual" / "modelnet40_normal_resampled"
    file = folder / "night_stand" / "night_stand_0200.txt"
    file.parent.mkdir(parents=True)
    (folder / "modelnet40_train.txt").write_text("night_stand_0200\n")
    (folder / "modelnet40_test.txt").write_text("night_stand_0200\n")
    damage(file)
    with pytest.raises(UserError, match=match) as error:
        load_point_clouds("modelnet40", tmp_path)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".zip anew")
