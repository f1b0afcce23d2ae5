"""Finds a dataset on disk, or has TFDS put it there."""

import contextlib
import difflib
import importlib.util
import os
import socket
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Collection
from pathlib import Path

import tensorflow_datasets as tfds
from tensorflow_datasets.core import naming, read_only_builder, registered
from tensorflow_datasets.core.utils import lazy_imports_utils

from experiments.data.digits import Digits
from experiments.data.fashion_mnist import FashionMnist
from experiments.data.modelnet40 import ModelNet40
from experiments.data.tfds_calls import OR_A_COPY, not_downloaded, problem, unreadable
from experiments.errors import UserError

_CATALOG = "https://www.tensorflow.org/datasets/catalog"
_OURS = {cls.name: cls for cls in (Digits, FashionMnist, ModelNet40)}
_LISTED = 5  # configs that an error names at most, where none is near


def find_builder(name: str, data_dir: Path) -> tfds.core.DatasetBuilder:
    """Returns the builder of what is on disk, else of the code that can put it there.

    What is on disk is read without the code that made it, so a copy from elsewhere needs nothing of
    what preparing it took. Only the digits are always of the version that the code has.

    Args:
        name: of a dataset that comes with its code here, or what TFDS calls one: `mnist`, `emnist/letters`,
            `mnist:3.0.1`.
        data_dir: the folder of all datasets.

    Raises:
        UserError: there is no such dataset, or what is on disk cannot be read.
    """
    try:
        parsed, options = naming.parse_builder_name_kwargs(name)
    except ValueError as error:
        raise _unknown(name, name) from error
    base = str(parsed.name)
    if options.keys() - {"config", "version"}:
        raise UserError(f"data.name={name}: too much of a name; write name, name/config or name:version")
    try:
        if name == Digits.name:
            return Digits(data_dir=data_dir, file_format="array_record")
        return read_only_builder.builder_from_files(name, data_dir=data_dir)
    except registered.DatasetNotFoundError:
        if name in _OURS:
            return _OURS[name](data_dir=data_dir, file_format="array_record")
    except Exception as error:
        raise unreadable(data_dir / base, error) from error
    try:
        configs = sorted(tfds.builder_cls(base).builder_configs)
        if options.get("config") in (None, *configs):
            return tfds.builder(name, data_dir=data_dir, file_format="array_record")
    except registered.DatasetNotFoundError as error:
        raise _unknown(name, base) from error
    except Exception as error:  # a version that there is not, or a package
        raise UserError(f"data.name={name}: {problem(error, '', OR_A_COPY)}") from error
    near = _near(options["config"], configs) or ", ".join(configs[:_LISTED])
    fix = f"{base}/{near}" if near else base
    raise UserError(f"data.name={name}: no such config; write {fix}")


def prepare(name: str, builder: tfds.core.DatasetBuilder, data_dir: Path) -> None:
    """Has TFDS write the dataset: to a folder that gets its name when it is whole.

    Args:
        name: what the user calls it.
        builder: what `find_builder` found.
        data_dir: the folder of all datasets; made if need be. Downloads go there, too.

    Raises:
        UserError: the dataset cannot be prepared.
    """
    if os.path.isdir(builder.data_dir):  # TFDS would take any folder of that name for a dataset
        raise UserError(f"{builder.data_dir}: not a whole copy of {name}; delete it to start over")
    try:
        _check_tensorflow(builder)
        _check_writable(data_dir)
        _check_network(name, builder, data_dir)
        builder.download_and_prepare()
    except UserError:
        raise
    # The code of hundreds of datasets, and what it uses: there is no telling what it may raise.
    except Exception as error:
        if isinstance(error, OSError) and builder.is_prepared():
            return  # another process has renamed its copy first
        told = problem(error, "cannot be prepared: ", _otherwise(builder))
        raise UserError(f"data.name={name}: {told}") from error


def _unknown(name: str, base: str) -> UserError:
    near = _near(base.lower(), {*_OURS, *tfds.list_builders(with_community_datasets=False)})
    hint = f"did you mean {near}?" if near else f"write {Digits.name}, or one of {_CATALOG}"
    return UserError(f"data.name={name}: no such dataset; {hint}")


def _near(name: str, known: Collection[str]) -> str:
    return " or ".join(difflib.get_close_matches(name, sorted(known), n=3))


def _check_tensorflow(builder: tfds.core.DatasetBuilder) -> None:
    """Spares the user a download that would end at the same error."""
    if importlib.util.find_spec("tensorflow") is not None:
        return
    for cls in type(builder).__mro__:
        module = sys.modules.get(cls.__module__)
        if module is None or cls.__module__.startswith("tensorflow_datasets.core."):
            continue
        if any(value is lazy_imports_utils.tensorflow for value in vars(module).values()):
            raise ModuleNotFoundError(name="tensorflow")


def _check_writable(data_dir: Path) -> None:
    """Tries, since permissions alone do not tell: not for root, not on a read-only disk."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=data_dir).close()
    except OSError as error:
        raise UserError(
            f"data.directory={data_dir}: cannot be written: {error.strerror}; choose another folder"
        ) from error


def _check_network(name: str, builder: tfds.core.DatasetBuilder, data_dir: Path) -> None:
    """Spares the user the minutes for which TFDS tries again and again."""
    hosts = {urllib.parse.urlsplit(url).hostname for url in builder.url_infos or ()} - {None}
    if not hosts or urllib.request.getproxies().keys() & {"http", "https", "all"}:
        return  # a proxy knows hosts that we do not
    if any((data_dir / "downloads" / builder.name).glob("*.INFO")):
        return  # it was downloaded before
    for host in hosts:
        with contextlib.suppress(OSError):
            socket.getaddrinfo(host, None)
            return
    raise UserError(f"data.name={name}: {not_downloaded(f'{min(hosts)} not found', _otherwise(builder))}")


def _otherwise(builder: tfds.core.DatasetBuilder) -> str:
    """Returns what to do where there is no network: what the dataset says, if it is one of ours."""
    manual = builder.data_dir_root / "downloads" / "manual" / builder.name
    return str(getattr(builder, "OTHERWISE", OR_A_COPY)).format(manual=manual)
