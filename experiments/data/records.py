"""A dataset of arrays with class labels, as TFDS has it on disk: read without tensorflow."""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.file_adapters import FileFormat
from tqdm import tqdm

from experiments.data.preparation import find_builder, prepare
from experiments.data.tfds_calls import quiet, unreadable
from experiments.data.tfrecords import TFRecords
from experiments.errors import UserError

_CHUNK = 512  # examples read at a time
_LISTED = 8  # features that an error names at most


@dataclass(frozen=True, eq=False)
class Records:
    """A split on disk, any part of which can be read by any thread.

    Attributes:
        builder: the prepared dataset.
        split: which part of it, in TFDS's syntax, as in `train[:90%]`.
        feature: what the arrays are called there.
    """

    builder: tfds.core.DatasetBuilder
    split: str
    feature: str

    @property
    def num_classes(self) -> int:
        """The labels are the integers from 0 to this, exclusive."""
        return int(self.builder.info.features["label"].num_classes)

    @property
    def max_intensity(self) -> int:
        """What the dataset says of its images, as the digits do, else what their dtype can hold."""
        info = self.builder.info
        metadata = info.metadata if isinstance(info.metadata, dict) else {}
        return int(metadata.get("max_intensity", np.iinfo(info.features[self.feature].np_dtype).max))

    def __len__(self) -> int:
        return int(self.builder.info.splits[self.split].num_examples)

    def read(self, rows: Sequence[int] | np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Returns the arrays of some rows, and their labels, int32.

        Raises:
            UserError: they cannot be read, or are not what the dataset says.
        """
        try:
            examples = self._source.__getitems__([int(row) for row in rows])
        except MemoryError:
            raise
        except Exception as error:  # whatever the readers of several formats may raise
            raise unreadable(self.builder.data_dir, error) from error
        arrays = [example[self.feature] for example in examples]
        labels = np.array([example["label"] for example in examples], np.int32)
        if (labels < 0).any():
            raise self._unfit("has no labels")
        declared = self.builder.info.features[self.feature].shape
        for array in arrays:
            if array.ndim != len(declared) or array.shape[2:] != declared[2:]:
                raise self._unfit(f"has an {self.feature} of shape {array.shape}, which is not {declared}")
        return arrays, labels

    def _unfit(self, why: str) -> UserError:
        return UserError(f"data.name={self.builder.name}: {self.split} {why}; choose another dataset")

    @functools.cached_property
    def _source(self) -> Any:
        info = self.builder.info
        if info.available_file_formats() != {FileFormat.TFRECORD}:
            return self.builder.as_data_source(self.split)
        # TFDS's default format, for which TFDS itself would take tensorflow.
        return TFRecords(info.splits[self.split].file_instructions, info.features.deserialize_example_np)


def chunks(size: int, doing: str, progress: bool) -> Iterator[np.ndarray]:
    """Yields the numbers from 0 up to `size`, some at a time, with a progress bar on a terminal."""
    # disable=None shows nothing where stderr goes to a file.
    with tqdm(
        total=size, desc=doing, unit=" examples", leave=False, disable=None if progress else True
    ) as bar:
        for start in range(0, size, _CHUNK):
            rows = np.arange(start, min(start + _CHUNK, size))
            yield rows
            bar.update(len(rows))


def open_dataset(
    name: str, data_dir: str | os.PathLike[str], *, feature: str = "image", progress: bool = True
) -> dict[str, Records]:
    """Opens a dataset, which is downloaded and prepared the first time.

    From then on nothing is written, and neither tensorflow nor the network is needed. A preparation
    that is interrupted leaves nothing that would later be taken for the dataset.

    Where there is no validation split it is the last tenth of `train` on disk. That is a random and fixed
    one, as TFDS shuffles what it writes and always in the same way, except for the few datasets that ask
    it not to.

    Args:
        name: of a dataset that comes with its code here (`digits`, `fashion_mnist`, `modelnet40`), or what
            TFDS calls one with labels.
        data_dir: a folder for all datasets, laid out as TFDS does; `~` is the home directory.
        feature: what is labelled: `image`, of unsigned integers, or `points`, (n, 3) numbers.
        progress: whether to show progress bars while preparing, on a terminal.

    Returns:
        The splits `train`, `validation` and `test`.

    Raises:
        UserError: there is no such dataset; it is not one of these with labels, or lacks a split; it
            cannot be downloaded, prepared or read; `data_dir` cannot be written.
    """
    data_dir = Path(data_dir).expanduser()
    with quiet(progress):
        builder = find_builder(name, data_dir)
        _check_features(name, builder, feature)
        if not builder.is_prepared():
            prepare(name, builder, data_dir)
            builder = find_builder(name, data_dir)  # what is on disk, by whichever process
    there = list(builder.info.splits)
    chosen = {"train": "train", "validation": "validation", "test": "test"}
    if "validation" not in there:
        chosen |= {"train": "train[:90%]", "validation": "train[90%:]"}
    splits = {}
    for split, part in chosen.items():
        if part.partition("[")[0] not in there:
            raise UserError(
                f"data.name={name}: no {split} split, only {', '.join(there)}; choose another dataset"
            )
        splits[split] = Records(builder, part, feature)
        if not len(splits[split]):
            raise UserError(f"data.name={name}: no examples in {part}; choose another dataset")
    return splits


def _check_features(name: str, builder: tfds.core.DatasetBuilder, wanted: str) -> None:
    features = builder.info.features
    kinds = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    label = kinds.get("label")
    fits, called = _WANTED[wanted]
    if fits(kinds.get(wanted)) and isinstance(label, tfds.features.ClassLabel) and label.num_classes:
        return
    listed = ", ".join(f"{key} ({_kind(feature)})" for key, feature in sorted(kinds.items())[:_LISTED])
    raise UserError(
        f"data.name={name}: not {called} with class labels; its features are "
        f"{listed or type(features).__name__}{', ...' if len(kinds) > _LISTED else ''}; "
        f"choose a dataset with an {wanted} and a label"
    )


def _is_image(feature: Any) -> bool:
    return (
        isinstance(feature, tfds.features.Image | tfds.features.Tensor)
        and len(feature.shape) in (2, 3)
        and None not in feature.shape[2:]
        and np.issubdtype(feature.np_dtype, np.unsignedinteger)
    )


def _is_cloud(feature: Any) -> bool:
    return (
        isinstance(feature, tfds.features.Tensor)
        and feature.shape[1:] == (3,)
        and np.issubdtype(feature.np_dtype, np.floating)
    )


# What a feature must be, and what to call those that are.
_WANTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "image": (_is_image, "images"),
    "points": (_is_cloud, "point clouds"),
}


def _kind(feature: tfds.features.FeatureConnector) -> str:
    """Returns its class; for a plain tensor also what sets an image from anything else."""
    kind = type(feature).__name__
    return f"{kind} {np.dtype(feature.np_dtype).name} {feature.shape}" if kind == "Tensor" else kind
