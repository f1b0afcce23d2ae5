"""ModelNet40 as a TFDS dataset: shapes as clouds of points, from files that one has to fetch oneself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from experiments.errors import UserError

POINTS = 2048  # of the 10,000 in a file: as many as other copies of the dataset have

_FOLDER = "modelnet40_normal_resampled"
_ARCHIVE = f"https://shapenet.cs.stanford.edu/media/{_FOLDER}.zip"
_CLASSES = [
    *("airplane", "bathtub", "bed", "bench", "bookshelf", "bottle", "bowl", "car"),
    *("chair", "cone", "cup", "curtain", "desk", "door", "dresser", "flower_pot"),
    *("glass_box", "guitar", "keyboard", "lamp", "laptop", "mantel", "monitor", "night_stand"),
    *("person", "piano", "plant", "radio", "range_hood", "sink", "sofa", "stairs"),
    *("stool", "table", "tent", "toilet", "tv_stand", "vase", "wardrobe", "xbox"),
]
_CITATION = """\
@inproceedings{wu2015shapenets,
  author    = {Wu, Zhirong and Song, Shuran and Khosla, Aditya and Yu, Fisher and Zhang, Linguang and
               Tang, Xiaoou and Xiao, Jianxiong},
  title     = {3D ShapeNets: A Deep Representation for Volumetric Shapes},
  booktitle = {CVPR},
  year      = {2015},
}
"""

_Examples = Iterator[tuple[str, dict[str, Any]]]


class ModelNet40(tfds.core.GeneratorBasedBuilder):
    """12,311 shapes in forty classes, 9,843 to train and 2,468 to test: points sampled from their surfaces.

    An example holds `points`, float32 of shape (2048, 3), and `label`. The points are the first of those in
    PointNet++'s text files, where they stand in random order, without their normals. The folder of these
    files, `modelnet40_normal_resampled`, is looked for in `downloads/manual` of the data directory. It holds
    a folder for each class, with a file for each shape (a line a point, `x,y,z,...`), and two lists,
    `modelnet40_train.txt` and `modelnet40_test.txt`, of names as in `night_stand_0001`.
    """

    name: ClassVar[str] = "modelnet40"  # TFDS would make it model_net40
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The first 2,048 points of each shape."}  # noqa: RUF012

    def _info(self) -> tfds.core.DatasetInfo:
        points = tfds.features.Tensor(shape=(POINTS, 3), dtype=np.float32)
        label = tfds.features.ClassLabel(names=_CLASSES)
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict({"points": points, "label": label}),
            supervised_keys=("points", "label"),
            homepage="https://modelnet.cs.princeton.edu",
            citation=_CITATION,
        )

    def _split_generators(self, _: tfds.download.DownloadManager) -> dict[str, _Examples]:
        folder = Path(self.data_dir_root) / "downloads" / "manual" / _FOLDER
        lists = {split: folder / f"{self.name}_{split}.txt" for split in ("train", "test")}
        for path in lists.values():
            if not path.is_file():
                raise UserError(f"data.name={self.name}: no {path}; unpack {_ARCHIVE} in {folder.parent}")
        return {split: self._generate_examples(folder, path) for split, path in lists.items()}

    def _generate_examples(self, folder: Path, listed: Path) -> _Examples:
        for name in listed.read_text().split():
            label = name.rpartition("_")[0]
            if label not in _CLASSES:
                raise UserError(f"{listed}: {name} is of no class of ModelNet40; unpack {_ARCHIVE} anew")
            yield name, {"points": _read_points(folder / label / f"{name}.txt"), "label": label}


def _read_points(path: Path) -> np.ndarray:
    """Returns the first points of a file: float32 (POINTS, 3).

    Raises:
        UserError: it is missing, too short, or not all finite numbers.
    """
    try:
        points = np.loadtxt(path, np.float32, delimiter=",", usecols=(0, 1, 2), max_rows=POINTS, ndmin=2)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}; unpack {_ARCHIVE} anew") from error
    if points.shape != (POINTS, 3) or not np.isfinite(points).all():
        raise UserError(f"{path}: not {POINTS} lines of finite numbers x,y,z; unpack {_ARCHIVE} anew")
    return points
