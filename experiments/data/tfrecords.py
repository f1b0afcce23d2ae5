"""Random access to TFDS's default file format, tfrecord."""

import os
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# A record is its length (uint64), a checksum (4 bytes), the content, and another checksum.
_LENGTH, _CHECKSUM = struct.Struct("<Q"), 4


class TFRecords:
    """The records of some files, found once, by going from length to length.

    Args:
        parts: TFDS's instructions: `filename`, how many records to `skip`, and how many to `take`.
        decode: makes an example of a record.

    Raises:
        ValueError: a file ends too early.
    """

    def __init__(self, parts: Sequence[Any], decode: Callable[[bytes], Any]) -> None:
        self._decode = decode
        self._files = [os.fspath(part.filename) for part in parts]
        found = [_places(part.filename, part.skip, part.take) for part in parts]
        self._file = np.repeat(np.arange(len(parts)), [part.take for part in parts])
        self._places = np.concatenate(found)

    def __getitems__(self, rows: Sequence[int]) -> list[Any]:
        examples = []
        for row in rows:
            start, length = self._places[row]
            with open(self._files[self._file[row]], "rb") as file:
                file.seek(start)
                examples.append(self._decode(file.read(length)))
        return examples


def _places(path: str | os.PathLike[str], skip: int, take: int) -> np.ndarray:
    """Returns where records begin, and how long they are: int64 (take, 2)."""
    places: list[tuple[int, int]] = []
    size, position = os.path.getsize(path), 0
    with open(path, "rb") as file:
        while len(places) < skip + take and position < size:
            file.seek(position)
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size).ljust(_LENGTH.size, b"\xff"))
            places.append((position + _LENGTH.size + _CHECKSUM, length))
            position += _LENGTH.size + length + 2 * _CHECKSUM
    if position > size:
        raise ValueError(f"{os.path.basename(path)} ends within a record")
    if len(places) < skip + take:
        raise ValueError(f"{os.path.basename(path)} lacks {skip + take - len(places)} examples")
    return np.array(places[skip:], np.int64).reshape(-1, 2)
