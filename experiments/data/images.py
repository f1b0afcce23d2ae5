"""A dataset of labelled images, as TFDS has it on disk: read without tensorflow."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grain
import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core.file_adapters import FileFormat

from experiments.data.preparation import find_builder, prepare
from experiments.data.tfds_calls import quiet, unreadable
from experiments.errors import UserError

_CHUNK = 512  # examples read at a time
_LISTED = 8  # features that an error names at most

# An image (H, W) or (H, W, C) of unsigned integers, and its label, from 0.
Example = tuple[np.ndarray, int]


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """A split. To iterate over it is to read it from disk, example by example.

    Attributes:
        builder: the prepared dataset.
        split: which part of it, in TFDS's syntax, as in `train[:90%]`.
    """

    builder: tfds.core.DatasetBuilder
    split: str

    @property
    def num_classes(self) -> int:
        """The labels are the integers from 0 to this, exclusive."""
        return int(self.builder.info.features["label"].num_classes)

    @property
    def channels(self) -> int:
        """Numbers a pixel."""
        return int((*self.builder.info.features["image"].shape, 1)[2])

    @property
    def max_intensity(self) -> int:
        """What the dataset says of itself, as the digits do, else what its dtype can hold."""
        info = self.builder.info
        metadata = info.metadata if isinstance(info.metadata, dict) else {}
        return int(metadata.get("max_intensity", np.iinfo(info.features["image"].np_dtype).max))

    def __len__(self) -> int:
        return int(self.builder.info.splits[self.split].num_examples)

    def __iter__(self) -> Iterator[Example]:
        declared = self.builder.info.features["image"].shape
        examples = self._examples()
        while True:
            try:
                with quiet():
                    chunk = list(itertools.islice(examples, _CHUNK))
            except Exception as error:  # whatever the readers of several formats may raise
                raise unreadable(self.builder.data_dir, error) from error
            if not chunk:
                return
            for example in chunk:
                image, label = example["image"], int(example["label"])
                if label < 0:
                    raise self._unfit("has no labels")
                if image.ndim != len(declared) or image.shape[2:] != declared[2:]:
                    raise self._unfit(f"has an image of shape {image.shape}, which is not {declared}")
                yield image, label

    def _unfit(self, why: str) -> UserError:
        return UserError(f"data.name={self.builder.name}: {self.split} {why}; choose another dataset")

    def _examples(self) -> Iterator[dict[str, Any]]:
        info = self.builder.info
        if info.available_file_formats() != {FileFormat.TFRECORD}:
            source = self.builder.as_data_source(self.split)
            for start in range(0, len(source), _CHUNK):
                yield from source.__getitems__(range(start, min(start + _CHUNK, len(source))))
            return
        # TFDS's default format, for which TFDS itself would take tensorflow.
        for part in info.splits[self.split].file_instructions:
            records = iter(grain.experimental.TFRecordIterDataset(part.filename))
            left = part.take
            for record in itertools.islice(records, part.skip, part.skip + part.take):
                yield info.features.deserialize_example_np(record)
                left -= 1
            if left:
                raise ValueError(f"{os.path.basename(part.filename)} lacks {left} examples")


def open_dataset(
    name: str, data_dir: str | os.PathLike[str], *, progress: bool = True
) -> dict[str, LabelledImages]:
    """Opens a dataset, which is downloaded and prepared the first time.

    From then on nothing is written, and neither tensorflow nor the network is needed. A preparation
    that is interrupted leaves nothing that would later be taken for the dataset.

    Where there is no validation split it is the last tenth of `train` on disk. That is a random and fixed
    one, as TFDS shuffles what it writes and always in the same way, except for the few datasets that ask
    it not to.

    Args:
        name: `digits`, which needs no download, or what TFDS calls a dataset of images with labels.
        data_dir: a folder for all datasets, laid out as TFDS does; `~` is the home directory.
        progress: whether to show progress bars while preparing, on a terminal.

    Returns:
        The splits `train`, `validation` and `test`.

    Raises:
        UserError: there is no such dataset; it is not one of images with labels, or lacks a split; it
            cannot be downloaded, prepared or read; `data_dir` cannot be written.
    """
    data_dir = Path(data_dir).expanduser()
    with quiet(progress):
        builder = find_builder(name, data_dir)
        _check_features(name, builder)
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
        splits[split] = LabelledImages(builder, part)
        if not len(splits[split]):
            raise UserError(f"data.name={name}: no examples in {part}; choose another dataset")
    return splits


def _check_features(name: str, builder: tfds.core.DatasetBuilder) -> None:
    features = builder.info.features
    kinds = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    image, label = kinds.get("image"), kinds.get("label")
    if (
        isinstance(image, tfds.features.Image | tfds.features.Tensor)
        and len(image.shape) in (2, 3)
        and None not in image.shape[2:]
        and np.issubdtype(image.np_dtype, np.unsignedinteger)
        and isinstance(label, tfds.features.ClassLabel)
        and label.num_classes
    ):
        return
    listed = ", ".join(f"{key} ({_kind(feature)})" for key, feature in sorted(kinds.items())[:_LISTED])
    raise UserError(
        f"data.name={name}: not images with class labels; its features are "
        f"{listed or type(features).__name__}{', ...' if len(kinds) > _LISTED else ''}; "
        "choose a dataset with an image and a label"
    )


def _kind(feature: tfds.features.FeatureConnector) -> str:
    """Returns its class; for a plain tensor also what sets an image from anything else."""
    kind = type(feature).__name__
    return f"{kind} {np.dtype(feature.np_dtype).name} {feature.shape}" if kind == "Tensor" else kind
