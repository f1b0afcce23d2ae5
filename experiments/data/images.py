"""A dataset of labelled images, as TFDS has it on disk: read without tensorflow."""

from __future__ import annotations

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

from experiments.data.complaints import unreadable
from experiments.data.noise import progress_bars, without_noise
from experiments.data.preparation import find_builder, prepare
from experiments.errors import UserError

_CHUNK = 512  # examples read at a time
_LISTED = 8  # features that an error names at most


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """A split. To iterate over it is to read it from disk, ``(image, label)`` by ``(image, label)``.

    An image is an array ``(H, W)`` or ``(H, W, C)`` of unsigned integers, a label an int from 0.

    Attributes:
        builder: The prepared dataset.
        split: Which part of it, in TFDS's syntax, as in ``train[:90%]``.
    """

    builder: tfds.core.DatasetBuilder
    split: str

    def __len__(self) -> int:
        return int(self.builder.info.splits[self.split].num_examples)

    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        declared = self.builder.info.features["image"].shape
        for example in self._examples():
            image, label = example["image"], int(example["label"])
            if label < 0:
                raise self._unfit("has no labels")
            if image.ndim != len(declared) or image.shape[2:] != declared[2:]:
                raise self._unfit(f"has an image of shape {image.shape}, which is not {declared}")
            yield image, label

    def _unfit(self, why: str) -> UserError:
        return UserError(f"data.name={self.builder.name}: {self.split} {why}; choose another dataset")

    def _examples(self) -> Iterator[dict[str, Any]]:
        chunks = self._chunks()
        while True:
            try:
                with without_noise():
                    chunk = next(chunks, None)
            except Exception as error:  # whatever the readers of several formats may raise
                raise unreadable(self.builder.data_dir, error) from error
            if chunk is None:
                return
            yield from chunk

    def _chunks(self) -> Iterator[list[dict[str, Any]]]:
        formats = self.builder.info.available_file_formats()
        if formats == {FileFormat.TFRECORD}:
            yield from self._tfrecord_chunks()
            return
        source = self.builder.as_data_source(self.split)
        for start in range(0, len(source), _CHUNK):
            yield source.__getitems__(range(start, min(start + _CHUNK, len(source))))

    def _tfrecord_chunks(self) -> Iterator[list[dict[str, Any]]]:
        """Reads TFDS's default format, for which TFDS itself would take tensorflow."""
        info = self.builder.info
        for part in info.splits[self.split].file_instructions:
            records = iter(grain.experimental.TFRecordIterDataset(part.filename))
            records = itertools.islice(records, part.skip, part.skip + part.take)
            left = part.take
            while left:
                chunk = [info.features.deserialize_example_np(r) for r in itertools.islice(records, _CHUNK)]
                if not chunk:
                    raise ValueError(f"{os.path.basename(part.filename)} lacks {left} examples")
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A dataset of labelled images.

    Attributes:
        name: What it was asked for as.
        num_classes: The labels are the integers from 0 to this, exclusive.
        max_intensity: The largest number that an image may hold.
        channels: Numbers a pixel.
        train: The examples to train on.
        validation: Those to choose by.
        test: Those to report.
    """

    name: str
    num_classes: int
    max_intensity: int
    channels: int
    train: LabelledImages
    validation: LabelledImages
    test: LabelledImages


def open_dataset(name: str, data_dir: str | os.PathLike[str], *, progress: bool = True) -> ImageDataset:
    """Opens a dataset, which is downloaded and prepared the first time.

    From then on nothing is written, and neither tensorflow nor the network is needed. A preparation
    that is interrupted leaves nothing that would later be taken for the dataset.

    The splits are ``train``, ``validation`` and ``test``. Where there is no validation split it is
    the last tenth of ``train`` on disk. That is a random and fixed one, as TFDS shuffles what it
    writes and always in the same way, except for the few datasets that ask it not to.

    Args:
        name: ``digits``, which needs no download, or what TFDS calls a dataset of images with labels.
        data_dir: A folder for all datasets, laid out as TFDS does; ``~`` is the home directory.
        progress: Whether to show progress bars while preparing, on a terminal.

    Raises:
        UserError: If there is no such dataset; it is not one of images with labels, or lacks a split;
            it cannot be downloaded, prepared or read; ``data_dir`` cannot be written.
    """
    data_dir = Path(data_dir).expanduser()
    with without_noise():
        builder = find_builder(name, data_dir)
        _check_features(name, builder)
        if not builder.is_prepared():
            with progress_bars(progress):
                prepare(name, builder, data_dir)
            builder = find_builder(name, data_dir)  # what is on disk, by whichever process
    train, validation, test = _splits(name, builder)
    image, label = builder.info.features["image"], builder.info.features["label"]
    return ImageDataset(
        name=name,
        num_classes=label.num_classes,
        max_intensity=_max_intensity(builder.info),
        channels=image.shape[2] if len(image.shape) == 3 else 1,
        train=train,
        validation=validation,
        test=test,
    )


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
    if kind != "Tensor":
        return kind
    return f"{kind} {np.dtype(feature.np_dtype).name} {feature.shape}"


def _splits(name: str, builder: tfds.core.DatasetBuilder) -> list[LabelledImages]:
    there = list(builder.info.splits)
    for split in ("train", "test"):
        if split not in there:
            raise UserError(
                f"data.name={name}: no {split} split, only {', '.join(there)}; choose another dataset"
            )
    if "validation" in there:
        chosen = ["train", "validation", "test"]
    else:
        chosen = ["train[:90%]", "train[90%:]", "test"]
    splits = [LabelledImages(builder, split) for split in chosen]
    for part in splits:
        if not len(part):
            raise UserError(f"data.name={name}: no examples in {part.split}; choose another dataset")
    return splits


def _max_intensity(info: tfds.core.DatasetInfo) -> int:
    """Returns what the dataset says of itself, as the digits do, else what its dtype can hold."""
    metadata = info.metadata if isinstance(info.metadata, dict) else {}
    return int(metadata.get("max_intensity", np.iinfo(info.features["image"].np_dtype).max))
