"""That the script runs its suites and writes what they found; what that is, is not for a test to say."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from experiments.benchmarks import suites
from experiments.benchmarks.comparison import comparison_table
from experiments.benchmarks.contestants import implementations
from experiments.benchmarks.measurements import machine_line, read_results
from experiments.benchmarks.summaries import summary_table

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    """Runs the script with arguments, in this process and in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    for suite in suites.SHAPES:
        monkeypatch.setitem(suites.SHAPES, suite, {(4,): 0})

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


def test_compares_with_older_results_as_it_measures_and_afterwards(benchmark, capsys):
    benchmark("tiny", "memory", "--seconds", "0", "--output", "old")
    benchmark("--compare", "old/results.json", "--seconds", "0", "--output", "new")
    benchmark("tiny", "--compare", "old", "--seconds", "0", "--output", "less")
    measured, some = (read_results(Path(name, "results.json"))[1] for name in ("new", "less"))
    assert [r.suite for r in measured] == ["tiny", "memory", "memory"]
    assert [r.suite for r in some] == ["tiny"]
    printed = capsys.readouterr().out
    assert "before (old/results.json) and after (new):\n" in printed
    assert "only before" not in printed  # a suite that was not asked for is not missed
    benchmark("--sum-up", "less", "--compare", "old")
    old, new = (read_results(Path(name, "results.json")) for name in ("old", "less"))
    printed = capsys.readouterr().out
    assert printed.startswith(summary_table(*new))
    assert comparison_table(old, new) in printed
    assert "only before: memory 4: temporaries of backward" in printed


def test_refuses_to_measure_what_the_older_results_do_not_hold(benchmark, capsys):
    benchmark("tiny", "--seconds", "0", "--output", "old")
    with pytest.raises(SystemExit):
        benchmark("memory", "--compare", "old", "--output", "new")
    assert "error: --compare old: holds nothing of memory; it has tiny" in capsys.readouterr().err
    assert not Path("new").exists()


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
        (
            ("--sum-up", "nowhere"),
            "--sum-up nowhere: nowhere/results.json holds no results of a benchmark (no results.json)",
        ),
        (("--sum-up", "other"), "--sum-up other: other/results.json holds no results of a benchmark"),
        (("tiny", "--sum-up", "other"), "--sum-up: takes neither suites nor --output"),
        (
            ("--compare", "nowhere"),
            "--compare nowhere: nowhere/results.json holds no results of a benchmark (no results.json); give",
        ),
        (
            ("--compare", "file"),
            "--compare file: file holds no results of a benchmark (file is not",
        ),
        (("--compare", "other/results.json"), "--compare other/results.json: other/results.json holds no"),
        (
            ("--sum-up", "nowhere", "--compare", "other"),
            "--compare other: other/results.json holds no results",
        ),
        (("tiny", "--output", "file/below"), "--output file/below: cannot make this directory"),
        (("tiny", "--output", "other"), "--output other: holds a results.json; give another directory"),
    ],
)
def test_refuses(arguments, complaint, benchmark, capsys):
    Path("file").touch()
    Path("other").mkdir()
    Path("other/results.json").write_text("{}")
    with pytest.raises(SystemExit):
        benchmark(*arguments)
    assert f"error: {complaint}" in capsys.readouterr().err
    assert Path("other/results.json").read_text() == "{}"


def test_an_interrupt_costs_only_what_was_not_measured(benchmark, monkeypatch, capsys):
    benchmark("tiny", "--seconds", "0", "--output", "old")
    monkeypatch.setattr(suites, "measure_memory", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(SystemExit, match="130"):
        benchmark("tiny", "memory", "--seconds", "0", "--output", "found", "--compare", "old")
    assert "benchmark.py --sum-up found --compare old sums up" in capsys.readouterr().err
    _, results = read_results(Path("found/results.json"))
    assert [r.suite for r in results] == ["tiny"]


def test_help_explains_every_suite(benchmark, capsys):
    with pytest.raises(SystemExit):
        benchmark("--help")
    printed = capsys.readouterr().out
    assert all(f"  {suite:<10}{words}" in printed for suite, words in suites.SUITES.items())


def test_selections_are_timed_forward_and_with_their_gradient(benchmark):
    benchmark("top_k", "--seconds", "0", "--output", "found")
    _, results = read_results(Path("found/results.json"))
    assert [r.quantity for r in results] == ["values and indices", "forward and backward"]
    assert all({"manual", "jax.lax.top_k"} <= set(r.measurements) for r in results)
    assert "numpy_argpartition" in results[0].measurements
