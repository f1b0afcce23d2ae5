"""What an install without a compiler, or with a broken one, leaves behind and says."""

import re
import stat
from pathlib import Path

import pytest

from diffsort.engines import library
from tests.engines.building import build

why_unavailable = library.why_unavailable.__wrapped__  # not what was found when the process began


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the library would go."""
    for name in ("CXX", "DIFFSORT_NATIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    monkeypatch.setattr(build, "LIBRARY", tmp_path / "libdiffsort.so")
    monkeypatch.setattr(build, "REASON", tmp_path / "unavailable.txt")
    return tmp_path


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path; it is empty."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    return tools


def put(tools: Path, name: str, script: str = "") -> None:
    (tools / name).write_text(f"#!/bin/sh\n{script}\n")
    (tools / name).chmod(stat.S_IRWXU)


def test_a_compiler_is_looked_for_by_its_usual_names(tools: Path) -> None:
    for name in ("clang++", "g++", "c++"):
        put(tools, name)
        assert build.find_compiler() == [name]


def test_a_compiler_may_be_named_with_options(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tools, "c++")
    put(tools, "other")
    monkeypatch.setenv("CXX", "other -m32 '-DA=b c'")
    assert build.find_compiler() == ["other", "-m32", "-DA=b c"]


@pytest.mark.usefixtures("tools")
def test_there_is_no_compiler() -> None:
    with pytest.raises(build.BuildError, match=r"no C\+\+ compiler at install \(no c\+\+, g\+\+ or clang"):
        build.find_compiler()


@pytest.mark.parametrize("named", ["nothing-of-this-name", "/nowhere/c++ -O3", " ", "'c++"])
def test_what_is_named_is_no_command(named: str, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tools, "c++")  # not a silent second choice
    monkeypatch.setenv("CXX", named)
    with pytest.raises(build.BuildError, match=re.escape(f"(CXX={named}, which is no command)")):
        build.find_compiler()


def test_the_environment_asks_for_none(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tools, "c++")
    monkeypatch.setenv("DIFFSORT_NATIVE", "0")
    with pytest.raises(build.BuildError, match=r"told to leave it out \(DIFFSORT_NATIVE=0\)"):
        build.find_compiler()


@pytest.mark.usefixtures("tools")
def test_a_failed_build_says_why_and_leaves_no_stale_library(folder: Path) -> None:
    (folder / "libdiffsort.so").write_text("of yesterday")
    (folder / "unavailable.txt").write_text("of yesterday")
    reason = build.build_or_say_why()
    assert reason is not None
    assert "no C++ compiler at install" in reason
    assert not (folder / "libdiffsort.so").exists()
    assert (folder / "unavailable.txt").read_text() == f"{reason}\n"
    assert why_unavailable() == reason


def test_a_compiler_that_fails_is_quoted(folder: Path, tools: Path) -> None:
    put(tools, "c++", "echo 'sort.h:1: note: this'; echo 'sort.h:1: error: no such thing' >&2; exit 1")
    assert build.build_or_say_why() == "the C++ compiler failed at install: sort.h:1: error: no such thing"
    assert why_unavailable() == (folder / "unavailable.txt").read_text().strip()


def test_a_compiler_that_fails_without_a_word(tools: Path) -> None:
    put(tools, "c++", "exit 3")
    assert build.build_or_say_why() == (
        "the C++ compiler failed at install: c++ ended with status 3 and no word"
    )


def test_a_compiler_that_cannot_be_run(tools: Path) -> None:
    (tools / "c++").write_text("neither a program nor a script")
    (tools / "c++").chmod(stat.S_IRWXU)
    reason = build.build_or_say_why()
    assert reason is not None
    assert reason.startswith("the C++ compiler failed at install: ")


def test_a_build_that_succeeds_takes_the_reason_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "unavailable.txt").write_text("of yesterday")
    monkeypatch.setattr(build, "build", lambda: build.LIBRARY.write_text("compiled"))
    assert build.build_or_say_why() is None
    assert [p.name for p in folder.iterdir()] == ["libdiffsort.so"]


def test_nothing_was_built(folder: Path) -> None:
    assert why_unavailable() == f"there is no {folder / 'libdiffsort.so'}"


def test_a_library_that_does_not_load(folder: Path) -> None:
    (folder / "libdiffsort.so").write_text("no library at all")
    reason = why_unavailable()
    assert reason is not None
    assert reason.startswith("libdiffsort.so does not load: ")
    assert "\n" not in reason


def test_a_library_without_its_functions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "libdiffsort.so").touch()
    monkeypatch.setattr(library.ctypes, "CDLL", lambda _: object())
    reason = why_unavailable()
    assert reason is not None
    assert reason.startswith("libdiffsort.so does not load: ")
    assert "diffsort_interface" in reason
