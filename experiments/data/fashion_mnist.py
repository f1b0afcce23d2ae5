"""Fashion-MNIST as a TFDS dataset that needs no tensorflow, and no download where its files are."""

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from experiments.errors import UserError

_SIDE = 28
_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
_PACKAGED = Path("/usr/share/datasets/fashion-mnist")  # by Debian's dataset-fashion-mnist

_CLASSES = [
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
]
_CITATION = """\
@article{xiao2017fashion,
  author  = {Xiao, Han and Rasul, Kashif and Vollgraf, Roland},
  title   = {Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms},
  journal = {arXiv:1708.07747},
  year    = {2017},
}
"""

_Examples = Iterator[tuple[int, dict[str, Any]]]


class FashionMnist(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg, unused-ignore]
    """70,000 images of clothes in ten classes, 28×28 pixels of 256 shades: 60,000 to train, 10,000 to test.

    An example holds `image`, uint8 of shape (28, 28, 1), and `label`. The four files that it is made of are
    looked for in `downloads/manual/fashion_mnist` of the data directory, then where Debian's package
    `dataset-fashion-mnist` puts them; else they are downloaded. TFDS has a dataset of this name, too, which
    needs tensorflow to be prepared.
    """

    name: ClassVar[str] = "fashion_mnist"
    # Below 3.0.1, which is TFDS's own: where there is a copy of that, it is read.
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "60,000 train and 10,000 test examples."}  # noqa: RUF012
    OTHERWISE = "apt-get install dataset-fashion-mnist, or put its four files into {manual}"

    @property
    def url_infos(self) -> Any:
        """What may have to be downloaded, with checksums."""
        return None if self._folder() else _original().url_infos

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Tensor(shape=(_SIDE, _SIDE, 1), dtype=np.uint8)
        label = tfds.features.ClassLabel(names=_CLASSES)
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict({"image": image, "label": label}),
            supervised_keys=("image", "label"),
            homepage="https://github.com/zalandoresearch/fashion-mnist",
            citation=_CITATION,
        )

    def _folder(self) -> Path | None:
        manual = Path(self.data_dir_root) / "downloads" / "manual" / self.name
        names = [name for pair in _FILES.values() for name in pair]
        for folder in (manual, _PACKAGED):
            if all((folder / name).is_file() for name in names):
                return folder
        return None

    def _split_generators(self, manager: tfds.download.DownloadManager) -> dict[str, _Examples]:
        folder = self._folder()
        if folder is not None:
            paths = {split: [folder / name for name in names] for split, names in _FILES.items()}
        else:
            urls = {split: [_original().URL + name for name in names] for split, names in _FILES.items()}
            paths = manager.download(urls)
        return {split: self._generate_examples(*pair) for split, pair in paths.items()}

    def _generate_examples(self, images: Path, labels: Path) -> _Examples:
        pictures, classes = _read_idx(images), _read_idx(labels)
        if pictures.shape != (*classes.shape, _SIDE, _SIDE) or (classes >= len(_CLASSES)).any():
            raise UserError(f"{images}: not the images of {labels}; get both anew")
        for index, (image, label) in enumerate(zip(pictures[..., None], classes.tolist(), strict=True)):
            yield index, {"image": image, "label": label}


def _original() -> Any:
    return tfds.builder_cls(FashionMnist.name)


def _read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped file of bytes in the format of MNIST: a magic number, the shape, the bytes.

    Raises:
        UserError: it is not one.
    """
    try:
        content = gzip.decompress(Path(path).read_bytes())
        zeros, kind, axes = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{axes}I", content, 4)
        if (zeros, kind) != (0, 8):
            raise ValueError("not an idx file of bytes")
        return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise UserError(f"{path}: cannot be read: {error}; get it anew") from error
