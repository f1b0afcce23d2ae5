"""The handwritten digits that scikit-learn carries, as a TFDS dataset that needs no download."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from experiments.data.shuffling import shuffled_indices

_MAX_INTENSITY = 16
_HELD_OUT_PER_DIGIT = 30
_SPLIT_SEED = 0  # decides the splits of version 1.0.0: to change it is to change the version

_CITATION = """\
@misc{alpaydin1998optical,
  author       = {Alpaydin, Ethem and Kaynak, Cenk},
  title        = {Optical Recognition of Handwritten Digits},
  year         = {1998},
  howpublished = {UCI Machine Learning Repository},
  doi          = {10.24432/C50P49},
}
"""

_Examples = Iterator[tuple[int, dict[str, Any]]]


class Digits(tfds.core.GeneratorBasedBuilder):
    """1797 handwritten digits of 13 writers, scanned and reduced to 8×8 counts of ink between 0 and 16.

    They are the test set of UCI's "Optical Recognition of Handwritten Digits", as it comes with scikit-learn.
    The validation and the test split hold 30 drawings of each digit (300 each), drawn at random with a fixed
    seed and whoever wrote them; the train split holds the other 1197.

    An example holds `image`, uint8 of shape (8, 8, 1), and `label`, the digit. Nothing of it needs
    tensorflow, as long as the file format is `array_record`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "1197 train, 300 validation and 300 test examples."}  # noqa: RUF012

    def _info(self) -> tfds.core.DatasetInfo:
        # Image would need tensorflow to encode.
        image = tfds.features.Tensor(shape=(8, 8, 1), dtype=np.uint8)
        label = tfds.features.ClassLabel(num_classes=10)
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict({"image": image, "label": label}),
            supervised_keys=("image", "label"),
            homepage="https://archive.ics.uci.edu/dataset/80",
            citation=_CITATION,
            # 255, which uint8 suggests, would leave the points all but black.
            metadata=tfds.core.MetadataDict(max_intensity=_MAX_INTENSITY),
        )

    def _split_generators(self, _: tfds.download.DownloadManager) -> dict[str, _Examples]:
        from sklearn.datasets import load_digits  # slow to import, and needed only once

        images, labels = load_digits(return_X_y=True)
        images = images.astype(np.uint8).reshape(-1, 8, 8, 1)
        # In a random order of each digit the first are to validate, the next to test.
        drawn = []
        for digit in range(10):
            order = np.flatnonzero(labels == digit)
            order = order[shuffled_indices(len(order), _SPLIT_SEED, digit)]
            drawn.append(np.split(order, [_HELD_OUT_PER_DIGIT, 2 * _HELD_OUT_PER_DIGIT]))
        validation, test, train = (np.sort(np.concatenate(parts)) for parts in zip(*drawn, strict=True))
        splits = {"train": train, "validation": validation, "test": test}
        return {split: self._generate_examples(images, labels, which) for split, which in splits.items()}

    def _generate_examples(self, images: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> _Examples:
        for index in chosen.tolist():
            yield index, {"image": images[index], "label": int(labels[index])}
