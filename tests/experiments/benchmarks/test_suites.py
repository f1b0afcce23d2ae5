"""That the script runs its suites and writes what they found; what that is, is not for a test to say."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from experiments.benchmarks import benchmarks, compilation, device_times, memory, sort_times
from experiments.benchmarks.contestants import implementations
from experiments.benchmarks.machine import machine_line
from experiments.benchmarks.results import read_results
from experiments.benchmarks.summary_table import summary_table

SCRIPT = Path(__file__).parents[3] / "scripts" / "benchmark.py"


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    """Runs the script with arguments, in this process and in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    for suite in sort_times.SHAPES:
        monkeypatch.setitem(sort_times.SHAPES, suite, {(4,): 0})
    monkeypatch.setattr(memory, "SHAPES", {(4,): 0})
    monkeypatch.setattr(compilation, "SHAPES", {(4,): 0})
    monkeypatch.setattr(device_times, "_ON_CPU", 1024)
    monkeypatch.setattr(device_times, "LENGTHS", (16,))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["benchmark.py", *arguments])
        runpy.run_path(str(SCRIPT), run_name="__main__")

    return run


def test_writes_results_and_a_picture(benchmark, capsys):
    benchmark("article", "pooling", "rows", "memory", "--seconds", "0", "--output", "found/here")
    printed = capsys.readouterr().out
    content = json.loads(Path("found/here/results.json").read_text())
    assert [r["suite"] for r in content["results"]] == ["article", "pooling", "rows", "memory", "memory"]
    assert content["machine"]["versions"]["jax"]
    for result in content["results"]:
        assert set(implementations()) <= set(result["measurements"])
    assert Path("found/here/benchmark.png").is_file()
    assert printed.startswith(machine_line(content["machine"]))
    assert "article, pooling, rows together (3 cases)" in printed


def test_sums_up_what_was_found_and_draws_it_again(benchmark, capsys):
    benchmark("article", "--seconds", "0", "--output", "found")
    pictures = [Path("found", name) for name in ("benchmark.png", "benchmark-dark.png", "benchmark.pdf")]
    for picture in pictures:
        picture.unlink()
    capsys.readouterr()
    benchmark("--sum-up", "found")
    machine, results = read_results(Path("found/results.json"))
    assert capsys.readouterr().out.startswith(summary_table(machine, results))
    assert all(picture.is_file() for picture in pictures)


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
        (("--sum-up", "nowhere"), "--sum-up nowhere: [Errno 2] No such file or directory"),
        (("--sum-up", "other"), "--sum-up other: other/results.json holds no results of a benchmark"),
        (("tiny", "--sum-up", "other"), "--sum-up: takes neither suites nor --output"),
        (("tiny", "--output", "file/below"), "--output file/below: cannot make this directory"),
    ],
)
def test_refuses(arguments, complaint, benchmark, capsys):
    Path("file").touch()
    Path("other").mkdir()
    Path("other/results.json").write_text("{}")
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
