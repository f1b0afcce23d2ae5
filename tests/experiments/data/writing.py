"""Writes small datasets in TFDS's own formats, without tensorflow."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

Example = Mapping[str, Any]


def mnist_features() -> tfds.features.FeaturesDict:
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
    )


def random_images(size: int, seed: int, shape: tuple[int, ...] = (28, 28, 1)) -> np.ndarray:
    """Images that are mostly black, as drawings are."""
    random = np.random.default_rng(seed)
    images = random.integers(1, 256, (size, *shape), dtype=np.uint8)
    images[random.random((size, *shape[:2])) < 0.8] = 0
    return images


def png(image: np.ndarray) -> bytes:
    """What features.Image takes instead of an array, which it would encode by tensorflow."""
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(file, "png")
    return file.getvalue()


def builder_class(
    name: str,
    features: tfds.features.FeatureConnector,
    splits: Mapping[str, Sequence[Example]],
    **attributes: Any,
) -> type[tfds.core.GeneratorBasedBuilder]:
    """A builder that TFDS does not know of, so that nothing but files can bring its data back."""

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("3.0.1")

        def _info(self) -> tfds.core.DatasetInfo:
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, _: Any) -> dict[str, Iterator[tuple[int, Example]]]:
            return {split: self._generate_examples(examples) for split, examples in splits.items()}

        def _generate_examples(self, examples: Sequence[Example]) -> Iterator[tuple[int, Example]]:
            yield from enumerate(examples)

    Builder.name = name
    for key, value in attributes.items():
        setattr(Builder, key, value)
    return Builder


def write(
    data_dir: Path,
    name: str,
    features: tfds.features.FeatureConnector,
    splits: Mapping[str, Sequence[Example]],
) -> Path:
    """Writes a dataset and returns its folder."""
    builder = builder_class(name, features, splits)(data_dir=data_dir, file_format="array_record")
    builder.download_and_prepare()
    return Path(builder.data_dir)


def write_mnist(data_dir: Path, name: str, **sizes: int) -> dict[str, list[tuple[np.ndarray, int]]]:
    """Writes a dataset like MNIST, of as many examples a split as given; returns the examples."""
    examples = {
        split: list(zip(random_images(size, seed), np.arange(size) % 10, strict=True))
        for seed, (split, size) in enumerate(sizes.items())
    }
    encoded = {
        split: [{"image": png(image), "label": int(label)} for image, label in part]
        for split, part in examples.items()
    }
    write(data_dir, name, mnist_features(), encoded)
    return examples


def to_tfrecord(folder: Path) -> None:
    """Rewrites a dataset as TFDS does by default, with tensorflow."""
    builder = tfds.builder_from_directory(folder)
    raw = tfds.decode.DeserializeMethod.RAW_BYTES
    for split in builder.info.splits:
        records = builder.as_data_source(split, deserialize_method=raw)
        (old,) = folder.glob(f"*-{split}.array_record-*")
        new = folder / old.name.replace("array_record", "tfrecord")
        with new.open("wb") as file:
            for record in records:
                length = struct.pack("<Q", len(record))
                for part in (length, record):
                    file.write(part + struct.pack("<I", _masked_crc32c(part)))
        old.unlink()
    info = folder / "dataset_info.json"
    content = json.loads(info.read_text())
    content["fileFormat"] = "tfrecord"
    info.write_text(json.dumps(content))


def _masked_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """All that is in a folder, with what would tell that it was written to."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in [folder, *folder.rglob("*")]
    }
