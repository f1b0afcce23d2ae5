"""Finds a dataset on disk, or has TFDS put it there."""

from __future__ import annotations

import difflib
import importlib.util
import os
import socket
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

import tensorflow_datasets as tfds
from tensorflow_datasets.core import naming, read_only_builder, registered
from tensorflow_datasets.core.utils import lazy_imports_utils

from experiments.data.complaints import is_download_error, missing_package, reason, unreadable
from experiments.data.digits import Digits
from experiments.errors import UserError

_CATALOG = "https://www.tensorflow.org/datasets/catalog"
_LISTED = 5  # configs that an error names at most, where none is near
_OR_A_COPY = "or point data.directory at a prepared copy"


def find_builder(name: str, data_dir: Path) -> tfds.core.DatasetBuilder:
    """Returns the builder of what is on disk, else of the code that can put it there.

    What is on disk is read without the code that made it, so a copy from elsewhere needs nothing of
    what preparing it took. Only the digits are always of the version that the code has.

    Args:
        name: ``digits``, or what TFDS calls a dataset: ``mnist``, ``emnist/letters``, ``mnist:3.0.1``.
        data_dir: The folder of all datasets.

    Raises:
        UserError: If there is no such dataset, or what is on disk cannot be read.
    """
    base, config = _parse(name)
    try:
        if name == Digits.name:
            return Digits(data_dir=data_dir, file_format="array_record")
        return read_only_builder.builder_from_files(name, data_dir=data_dir)
    except registered.DatasetNotFoundError:
        pass
    except Exception as error:
        raise unreadable(data_dir / base, error) from error
    try:
        _check_config(name, base, config)
        return tfds.builder(name, data_dir=data_dir, file_format="array_record")
    except UserError:
        raise
    except registered.DatasetNotFoundError as error:
        raise _unknown(name, base) from error
    except Exception as error:  # a version that there is not, or a package
        told = reason(error).rpartition('}": ')[2]  # without the arguments that TFDS was called with
        raise UserError(f"data.name={name}: {_missing(error) or told}") from error


def prepare(name: str, builder: tfds.core.DatasetBuilder, data_dir: Path) -> None:
    """Has TFDS write the dataset, unless it has: to a folder that gets its name when it is whole.

    Args:
        name: What the user calls it.
        builder: What :func:`find_builder` found.
        data_dir: The folder of all datasets; made if need be. Downloads go there, too.

    Raises:
        UserError: If the dataset cannot be prepared.
    """
    if builder.is_prepared():
        return
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
        if is_download_error(error):
            problem = f"cannot be downloaded: {reason(error)}; connect to the network, {_OR_A_COPY}"
        else:
            problem = _missing(error) or f"cannot be prepared: {reason(error)}"
        raise UserError(f"data.name={name}: {problem}") from error


def _parse(name: str) -> tuple[str, str | None]:
    """Returns the dataset and its config, which become a folder and one below it."""
    try:
        dataset, options = naming.parse_builder_name_kwargs(name)
    except ValueError as error:
        raise _unknown(name, name) from error
    if options.keys() - {"config", "version"}:
        raise UserError(f"data.name={name}: too much of a name; write name, name/config or name:version")
    return str(dataset.name), options.get("config")


def _check_config(name: str, base: str, config: str | None) -> None:
    known = sorted(tfds.builder_cls(base).builder_configs)
    if config is not None and config not in known:
        near = difflib.get_close_matches(config, known, n=3)
        fix = f"{base}/{_either(near or known[:_LISTED])}" if known else base
        raise UserError(f"data.name={name}: no such config; write {fix}")


def _unknown(name: str, base: str) -> UserError:
    known = {Digits.name, *tfds.list_builders(with_community_datasets=False)}
    near = difflib.get_close_matches(base.lower(), sorted(known), n=3)
    hint = f"did you mean {_either(near)}?" if near else f"write {Digits.name}, or one of {_CATALOG}"
    return UserError(f"data.name={name}: no such dataset; {hint}")


def _either(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _missing(error: Exception) -> str | None:
    package = missing_package(error)
    return package and f"{package} is needed to prepare it; pip install {package}, {_OR_A_COPY}"


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
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        raise UserError(
            f"data.directory={data_dir}: cannot be written: {error.strerror}; choose another folder"
        ) from error


def _check_network(name: str, builder: tfds.core.DatasetBuilder, data_dir: Path) -> None:
    """Spares the user the minutes for which TFDS tries again and again."""
    hosts = {urllib.parse.urlsplit(url).hostname for url in builder.url_infos or ()} - {None}
    if not hosts or urllib.request.getproxies().keys() & {"http", "https", "all"}:
        return  # a proxy knows hosts that we do not
    if any((data_dir / "downloads" / builder.name).glob("*.INFO")) or any(map(_is_known, hosts)):
        return
    raise UserError(
        f"data.name={name}: cannot be downloaded: {min(hosts)} not found; "
        f"connect to the network, {_OR_A_COPY}"
    )


def _is_known(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
