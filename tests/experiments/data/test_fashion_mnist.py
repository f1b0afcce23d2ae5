"""Fashion-MNIST, from files made in its format."""

from __future__ import annotations

import functools
import gzip
import http.server
import struct
import threading
import types
from pathlib import Path

import numpy as np
import pytest

from experiments.data import fashion_mnist, load_point_sets, open_dataset
from experiments.errors import UserError
from tests.experiments.data.writing import random_images, write_mnist

SIZES = {"train": 40, "t10k": 10}


def idx(values: np.ndarray) -> bytes:
    return gzip.compress(
        struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()
    )


def write_files(folder: Path) -> dict[str, list[tuple[bytes, int]]]:
    """Writes the four files; returns what is in them."""
    folder.mkdir(parents=True)
    written = {}
    for seed, (part, size) in enumerate(SIZES.items()):
        images, labels = random_images(size, seed)[..., 0], np.arange(size, dtype=np.uint8) % 10
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(labels))
        written[part] = [
            (image.tobytes(), label) for image, label in zip(images, labels.tolist(), strict=True)
        ]
    return written


@pytest.fixture(autouse=True)
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Debian's package would put its files, on this machine too."""
    monkeypatch.setattr(fashion_mnist, "_PACKAGED", tmp_path / "packaged")
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path / "packaged"


def manual(data_dir: Path) -> Path:
    return data_dir / "downloads" / "manual" / "fashion_mnist"


@pytest.mark.parametrize("place", ["packaged", "manual"])
def test_is_prepared_from_the_four_files(place: str, tmp_path: Path, packaged: Path) -> None:
    written = write_files(packaged if place == "packaged" else manual(tmp_path))
    for _ in range(2):  # and read again
        found = open_dataset("fashion_mnist", tmp_path)
        contents = {}
        for split, records in found.items():
            images, labels = records.read(range(len(records)))
            contents[split] = [(image.tobytes(), label) for image, label in zip(images, labels, strict=True)]
        assert [len(part) for part in contents.values()] == [36, 4, 10]
        assert sorted(contents["train"] + contents["validation"]) == sorted(written["train"])
        assert contents["train"] + contents["validation"] != written["train"]  # but shuffled
        assert sorted(contents["test"]) == sorted(written["t10k"])
    data = load_point_sets("fashion_mnist", tmp_path, 784, progress=False)
    assert data.num_classes == 10
    assert data.train.model_arguments() == {"channels": 3, "num_points": 784}


def test_is_downloaded_where_there_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path / "served")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        original = types.SimpleNamespace(URL=f"http://127.0.0.1:{server.server_port}/", url_infos=None)
        monkeypatch.setattr(fashion_mnist, "_original", lambda: original)
        assert len(open_dataset("fashion_mnist", tmp_path)["test"]) == 10
        server.shutdown()


def test_a_copy_of_that_of_tfds_is_read(tmp_path: Path) -> None:
    write_mnist(tmp_path, "fashion_mnist", train=20, test=3)
    assert len(open_dataset("fashion_mnist", tmp_path)["test"]) == 3


def message(data_dir: Path) -> str:
    with pytest.raises(UserError) as error:
        open_dataset("fashion_mnist", data_dir)
    assert "\n" not in str(error.value)
    assert not list(data_dir.glob("fashion_mnist/*"))
    return str(error.value)


def test_says_what_to_do_where_there_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: (_ for _ in ()).throw(OSError))
    host = "fashion-mnist.s3-website.eu-central-1.amazonaws.com"
    assert message(tmp_path) == (
        f"data.name=fashion_mnist: cannot be downloaded: {host} not found; connect to the network, "
        f"apt-get install dataset-fashion-mnist, or put its four files into {manual(tmp_path)}"
    )


@pytest.mark.parametrize("damage", ["truncated", "not gzip", "not idx", "other labels"])
def test_damaged_files_are_named(damage: str, tmp_path: Path) -> None:
    write_files(manual(tmp_path))
    name = "train-labels-idx1-ubyte.gz" if damage == "other labels" else "train-images-idx3-ubyte.gz"
    file = manual(tmp_path) / name
    content = file.read_bytes()
    file.write_bytes(
        {
            "truncated": content[: len(content) // 2],
            "not gzip": b"<html>",
            "not idx": gzip.compress(b"<html>"),
            "other labels": idx(np.zeros(39, np.uint8)),
        }[damage]
    )
    told = message(tmp_path)
    assert str(file) in told
    assert told.endswith(" anew")
