"""Versions that diffsort is not made for are named: by diffsort.info, and where an import fails."""

import importlib.metadata
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from diffsort import _versions

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDED = [
    "numpy>=2.0,<3",
    "jax<0.13,>=0.9",
    "diffsort-jax[flax]; extra == 'test'",
    "flax >=0.12.1, <0.14 ; extra == 'flax'",
    'jax-extra>=7; extra == "test"',
]


def installed(monkeypatch: pytest.MonkeyPatch, version: str | None, requires: list[str] | None) -> None:
    def answer(of: str | list[str] | None):
        if of is None:
            raise importlib.metadata.PackageNotFoundError
        return of

    monkeypatch.setattr(importlib.metadata, "version", lambda _: answer(version))
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: answer(requires))


@pytest.mark.parametrize(
    ("package", "version", "said"),
    [
        ("jax", "0.9", "jax 0.9"),
        ("jax", "0.9.0", "jax 0.9.0"),
        ("jax", "0.12.0.1", "jax 0.12.0.1"),
        ("jax", "0.8.3", "jax 0.8.3, which is too old: diffsort needs jax>=0.9,<0.13"),
        ("jax", "0.13", "jax 0.13, which is too new: diffsort needs jax>=0.9,<0.13"),
        ("jax", "0.13.0rc1", "jax 0.13.0rc1, which is too new: diffsort needs jax>=0.9,<0.13"),
        (
            "jax",
            "1.2.dev20261126+ab",
            "jax 1.2.dev20261126+ab, which is too new: diffsort needs jax>=0.9,<0.13",
        ),
        ("flax", "0.12.0", "flax 0.12.0, which is too old: diffsort needs flax>=0.12.1,<0.14"),
        ("flax", "0.12.10", "flax 0.12.10"),
        ("numpy", "3.0.0", "numpy 3.0.0, which is too new: diffsort needs numpy>=2.0,<3"),
        ("unheard-of", "1.0", "unheard-of 1.0"),
        ("jax", None, "jax of an unknown version"),
    ],
)
def test_what_is_out_of_range_is_said(
    monkeypatch: pytest.MonkeyPatch, package: str, version: str | None, said: str
) -> None:
    installed(monkeypatch, version, NEEDED)
    assert _versions.describe(package) == said


def test_flax_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, None, NEEDED)
    monkeypatch.setitem(sys.modules, "flax", None)
    fix = "flax is not installed; layers need it: pip install flax"
    assert _versions.describe("flax") == fix
    assert _versions.complaints() == []


def test_a_checkout_that_is_not_installed_has_its_own_range(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "99.0", None)
    monkeypatch.setattr(_versions, "__file__", str(ROOT / "diffsort" / "_versions.py"))
    lines = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["flax"]]
    needed = {line.partition(">")[0]: line for line in lines}
    for package in _versions.PACKAGES:
        said = f"{package} 99.0, which is too new: diffsort needs {needed[package]}"
        assert _versions.describe(package) == said
    assert len(_versions.complaints()) == 4


def test_another_projects_file_is_not_mistaken_for_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, "99.0", None)
    monkeypatch.setattr(_versions, "__file__", str(tmp_path / "diffsort" / "_versions.py"))
    assert _versions.describe("jax") == "jax 99.0"  # no file
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\ndependencies = ["jax<50"]\n')
    assert _versions.describe("jax") == "jax 99.0"


def test_the_tests_run_with_what_diffsort_is_made_for() -> None:
    assert _versions.complaints() == []


@pytest.mark.parametrize(
    ("breaking", "said"),
    [("sys.modules['jax.extend.core'] = None", "jax.extend.core"), ("del jax.Array", "'Array'")],
)
def test_an_import_that_fails_tells_of_a_version_out_of_range(breaking: str, said: str) -> None:
    program = f"""
import importlib.metadata, sys
import jax
{breaking}
real = importlib.metadata.version
importlib.metadata.version = lambda name: "99.0" if name == "jax" else real(name)
import diffsort
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    *_, error, note = done.stderr.splitlines()
    assert said in error
    assert note.startswith("jax 99.0, which is too new: diffsort needs jax>=0.")
