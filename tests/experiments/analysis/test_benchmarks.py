"""That the script runs its suites and writes what they found; what that is, is not for a test to say."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from experiments.analysis import benchmarks, compilation, memory, sort_times
from experiments.analysis.contestants import implementations

SCRIPT = Path(__file__).parents[3] / "scripts" / "benchmark.py"


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    """Runs the script with arguments, in this process and in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    for suite in sort_times.SHAPES:
        monkeypatch.setitem(sort_times.SHAPES, suite, {(4,): 0})
    monkeypatch.setattr(memory, "SHAPES", {(4,): 0})
    monkeypatch.setattr(compilation, "SHAPES", {(4,): 0})

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["benchmark.py", *arguments])
        runpy.run_path(str(SCRIPT), run_name="__main__")

    return run


def test_writes_results_and_a_picture(benchmark, capsys):
    benchmark("article", "pooling", "rows", "memory", "--seconds", "0", "--output", "found/here")
    printed = capsys.readouterr().out
    content = json.loads(Path("found/here/results.json").read_text())
    assert [r["suite"] for r in content["results"]] == ["article", "pooling", "rows", "memory", "memory"]
    assert content["environment"]["versions"]["jax"]
    for result in content["results"]:
        assert set(implementations()) <= set(result["measurements"])
    assert Path("found/here/benchmark.png").is_file()
    assert "article, pooling, rows together (3 cases)" in printed


def test_says_that_there_is_nothing_to_draw_and_dates_its_directory(benchmark, capsys):
    benchmark("tiny", "tiny", "--seconds", "0")
    (directory,) = Path("outputs", "benchmark").iterdir()
    assert [p.name for p in directory.iterdir()] == ["results.json"]
    assert len(json.loads((directory / "results.json").read_text())["results"]) == 1
    assert "no picture" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("tinny",), "no suite 'tinny' (choices: article, "),
        (("tiny", "--seconds", "nan"), "--seconds nan: "),
        (("tiny", "--seconds", "-1"), "--seconds -1.0: "),
        (("tiny", "--output", "file"), "--output file: cannot make this directory"),
        (("tiny", "--output", "file/below"), "--output file/below: cannot make this directory"),
    ],
)
def test_refuses(arguments, complaint, benchmark, capsys):
    Path("file").touch()
    with pytest.raises(SystemExit):
        benchmark(*arguments)
    assert f"error: {complaint}" in capsys.readouterr().err


@pytest.mark.parametrize("suite", sorted(set(benchmarks.SUITES) - {"step"}))
@pytest.mark.usefixtures("benchmark")
def test_every_suite_has_a_runner(suite):
    results = benchmarks.run_suite(suite, 0.0, lambda: pytest.fail("needs no config"))
    assert next(results).suite == suite


def test_training_steps_ask_for_their_config():
    with pytest.raises(LookupError, match="asked"):
        benchmarks.run_suite("step", 0.0, lambda: (_ for _ in ()).throw(LookupError("asked")))
