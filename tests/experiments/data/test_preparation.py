"""Everything that may keep a dataset from lying on disk."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core import registered
from tensorflow_datasets.core.download import downloader

from experiments.data import open_dataset
from experiments.data.digits import Digits
from experiments.errors import UserError
from tests.experiments.data.writing import builder_class, mnist_features, snapshot, write_mnist

Register = Callable[..., None]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("prepared")
    open_dataset("digits", data_dir)
    return data_dir


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Makes TFDS know of a dataset ``fake`` for a test."""

    def register(**attributes: Any) -> None:
        examples = {"train": [{"image": np.zeros((28, 28, 1), np.uint8), "label": 0}]}
        cls = builder_class("fake", mnist_features(), examples, **attributes)
        monkeypatch.setitem(registered._DATASET_REGISTRY, "fake", cls)

    return register


def message(name: str, data_dir: Path) -> str:
    with pytest.raises(UserError) as error:
        open_dataset(name, data_dir)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("digit", "did you mean digits?"),
        ("mnst", "did you mean mnist"),
        ("Fashion_MNST", "fashion_mnist"),
        ("mnst/config:1.0.0", "did you mean mnist"),
        ("qqqqqqqq", "write digits, or one of https://"),
        ("", "write digits, or one of https://"),
        ("two words", "write digits, or one of https://"),
        ("../digits", "digits"),
    ],
)
def test_an_unknown_name(name: str, near: str, tmp_path: Path) -> None:
    told = message(name, tmp_path / "data")
    assert told.startswith(f"data.name={name}: no such dataset; ")
    assert near in told
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mnist/bold", "no such config; write mnist"),
        ("mnist_corrupted/foggy", "no such config; write mnist_corrupted/fog"),
        ("mnist_corrupted/qqq", "no such config; write mnist_corrupted/brightness, canny_edges, "),
        ("mnist:9.9.9", "Dataset mnist cannot be loaded at version 9.9.9, only: 3.0.1."),
        ("mnist/size=3", "too much of a name; write name, name/config or name:version"),
    ],
)
def test_an_unknown_variant(name: str, told: str, tmp_path: Path) -> None:
    assert message(name, tmp_path).startswith(f"data.name={name}: {told}")


def test_a_variant_on_disk(prepared: Path) -> None:
    assert len(open_dataset("digits:1.0.0", prepared)["train"]) == 1197


@pytest.mark.parametrize("below", ["", "a", "a/b"])
def test_a_folder_that_cannot_be_made(below: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    data_dir = file / below
    told = message("digits", data_dir)
    assert told.startswith(f"data.directory={data_dir}: cannot be written: ")
    assert told.endswith("; choose another folder")


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(30, "Read-only file system")  # which root cannot be kept from writing to

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert message("digits", tmp_path) == (
        f"data.directory={tmp_path}: cannot be written: Read-only file system; choose another folder"
    )


def test_a_prepared_dataset_is_not_written(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", None)
    before = snapshot(prepared)
    assert len(open_dataset("digits", prepared)["train"]) == 1197
    assert snapshot(prepared) == before


@pytest.mark.usefixtures("without_tensorflow")
def test_a_stock_dataset_that_needs_tensorflow(tmp_path: Path) -> None:
    assert message("mnist", tmp_path) == (
        "data.name=mnist: tensorflow is needed to prepare it; "
        "pip install tensorflow, or point data.directory at a prepared copy"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_tensorflow")
def test_a_dataset_that_needs_tensorflow_in_the_end(
    tmp_path: Path, register: Register, capfd: pytest.CaptureFixture[str]
) -> None:
    register()  # its images are arrays, which features.Image gives to tensorflow
    assert message("fake", tmp_path) == (
        "data.name=fake: tensorflow is needed to prepare it; "
        "pip install tensorflow, or point data.directory at a prepared copy"
    )
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.glob("fake/*"))


def test_a_dataset_that_needs_another_package(tmp_path: Path, register: Register) -> None:
    def generate(*_: object) -> Iterator[Any]:
        import no_such_package.module  # noqa: F401

        yield

    register(_generate_examples=generate)
    assert "no_such_package is needed to prepare it; pip install no_such_package" in message("fake", tmp_path)


def test_a_dataset_whose_code_fails(tmp_path: Path, register: Register) -> None:
    def generate(*_: object) -> Iterator[Any]:
        raise RuntimeError("the first line\nthe second line")

    register(_generate_examples=generate)
    assert message("fake", tmp_path) == "data.name=fake: cannot be prepared: the first line"


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_proxy")
def test_no_network(tmp_path: Path, register: Register) -> None:
    register(url_infos={"https://data.invalid/images.zip": None})
    assert message("fake", tmp_path) == (
        "data.name=fake: cannot be downloaded: data.invalid not found; "
        "connect to the network, or point data.directory at a prepared copy"
    )


@pytest.mark.parametrize("way", ["a proxy", "what was downloaded before"])
@pytest.mark.usefixtures("no_proxy")
def test_there_are_ways_without_the_network(
    way: str, tmp_path: Path, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generate(*_: object) -> Iterator[Any]:
        raise RuntimeError("it was tried")

    if way == "a proxy":
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    else:
        (tmp_path / "downloads" / "fake").mkdir(parents=True)
        (tmp_path / "downloads" / "fake" / "images.zip.INFO").write_text("{}")
    register(_generate_examples=generate, url_infos={"https://data.invalid/images.zip": None})
    assert message("fake", tmp_path) == "data.name=fake: cannot be prepared: it was tried"


@pytest.mark.usefixtures("no_proxy")
def test_no_server(tmp_path: Path, register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(_: object, manager: tfds.download.DownloadManager) -> Any:
        return manager.download("http://127.0.0.1:9/images.zip")

    monkeypatch.setattr(downloader, "MAX_RETRIES", 0)
    register(_split_generators=download, url_infos={"http://127.0.0.1:9/images.zip": None})
    told = message("fake", tmp_path)
    assert told.startswith("data.name=fake: cannot be downloaded: ")
    assert told.endswith("; connect to the network, or point data.directory at a prepared copy")


KILLED = """
import os, signal, sys
from experiments.data import open_dataset
from experiments.data.digits import Digits

def generate(self, images, labels, chosen):
    yield 0, {"image": images[0], "label": 0}
    os.kill(os.getpid(), signal.SIGKILL)

Digits._generate_examples = generate
open_dataset("digits", sys.argv[1])
"""


def test_a_preparation_that_is_killed_is_started_over(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    assert list(tmp_path.glob("digits/incomplete.*"))
    assert len(open_dataset("digits", tmp_path)["train"].read(range(1197))[1]) == 1197


def test_a_preparation_that_is_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> Iterator[Any]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Digits, "_generate_examples", interrupt)
        with pytest.raises(KeyboardInterrupt):
            open_dataset("digits", tmp_path)
    assert list(tmp_path.glob("digits/*")) == []
    assert len(open_dataset("digits", tmp_path)["train"].read(range(1197))[1]) == 1197


def test_another_process_may_be_faster(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split_generators = Digits._split_generators

    def overtaken(self: Digits, manager: tfds.download.DownloadManager) -> Any:
        shutil.copytree(prepared / "digits" / "1.0.0", tmp_path / "digits" / "1.0.0")
        return split_generators(self, manager)

    monkeypatch.setattr(Digits, "_split_generators", overtaken)
    assert len(open_dataset("digits", tmp_path)["train"].read(range(1197))[1]) == 1197


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_a_folder_that_is_no_whole_copy(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name / {"digits": "1.0.0", "mnist": "3.0.1"}[name]
    folder.mkdir(parents=True)
    assert message(name, tmp_path) == f"{folder}: not a whole copy of {name}; delete it to start over"


@pytest.mark.parametrize("file", ["dataset_info.json", "features.json"])
def test_a_copy_that_cannot_be_understood(file: str, tmp_path: Path) -> None:
    write_mnist(tmp_path, "tiny_mnist", train=10, test=1)
    (tmp_path / "tiny_mnist" / "3.0.1" / file).write_text("{")
    told = message("tiny_mnist", tmp_path)
    assert told.startswith(f"{tmp_path / 'tiny_mnist'}: cannot be read: ")
    assert told.endswith("; mend it, or delete it to start over")
