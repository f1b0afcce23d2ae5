"""Sweeps from beginning to end, of runs that take no time: what they print, and what they leave."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from experiments.cli.environment import current_sweep
from experiments.errors import UserError
from experiments.run_directory import RunDirectory, run_key
from experiments.training.job import Job
from tests.experiments.cli.conftest import Invoke, Start

SWEEP = (
    "-m",
    "hydra/sweeper=grid",
    "directory=here",
    "hydra.sweep.dir=here",
    "hydra.sweep.subdir=${hydra_override_dirname:}",
)
PROGRESS = "+hydra.callbacks.progress._target_=experiments.sweeps.callbacks.SweepProgress"
REPORT = "+hydra.callbacks.report._target_=experiments.report.callback.SweepReport"

SCRIPT = """
from pathlib import Path

from experiments.cli import run
from tests.experiments.sweeps.test_callbacks import study

if __name__ == "__main__":
    run(study, config_dir=Path(__file__).parent / "configs", config_name="study")
"""


def study(config: DictConfig) -> float:
    """Stands for a training that takes no time."""
    output, sweep = Path(HydraConfig.get().runtime.output_dir), current_sweep()
    summary = Job(config, HydraConfig.get(), output, sweep.directory if sweep else None).known_results()
    if summary is None:
        if config.seed == 13:
            raise UserError("thirteen is unlucky")
        (output / "metrics.jsonl").touch()
        score = {"metric": "worst_class_accuracy", "test_worst_class_accuracy": 0.5 + 0.1 * config.seed}
        summary = {"sort": config.sort.implementation, "run_key": run_key(config), **score}
        RunDirectory(output).write_summary(summary)
    return summary["test_worst_class_accuracy"]


def without_times(err: str) -> list[str]:
    return [re.sub(r", about .* left$", "", line) for line in err.splitlines() if line.startswith("[")]


def test_a_line_a_run(invoke: Invoke) -> None:
    outcome = invoke("-m", "model=sortpool", "sort=manual,builtin", "seed=1,13", task=study, config="study")
    assert without_times(outcome.err) == [
        "[1/4] sort=manual seed=1: test worst class accuracy 0.6000",
        "[2/4] sort=manual seed=13: failed: thirteen is unlucky",
        "[3/4] sort=builtin seed=1: test worst class accuracy 0.6000, taken from an equal run",
        "[4/4] sort=builtin seed=13: failed: thirteen is unlucky",
    ]
    times = [line.endswith(" left") for line in outcome.err.splitlines() if line.startswith("[")]
    assert times == [True, True, True, False]
    assert outcome.out.splitlines()[-1] == "2 runs in here; python scripts/report.py here draws them"
    assert not list(Path("here").glob(".*")), "the sweep left its notes behind"


def test_a_sweep_that_was_stopped_goes_on(invoke: Invoke) -> None:
    def stopped(config: DictConfig) -> float:
        if config.seed == 3:
            raise KeyboardInterrupt
        return study(config)

    typed = "-m", "seed=1,2,3,4"
    assert invoke(*typed, task=stopped, config="study").status == 130
    written = {path: path.stat().st_mtime_ns for path in Path("here").rglob("summary.json")}
    assert len(written) == 2
    outcome = invoke(*typed, task=study, config="study")
    assert [line.split()[0] for line in without_times(outcome.err)] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert outcome.out.count("finished before") == 2
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert len(list(Path("here").rglob("summary.json"))) == 4


@pytest.mark.parametrize("launcher", ["process", "parallel"])
def test_other_processes_print_and_remember_the_same(start: Start, configs: Path, launcher: str) -> None:
    (configs.parent / "train.py").write_text(SCRIPT)
    typed = "-m", f"hydra/launcher={launcher}", "sort=manual,builtin", "seed=2"
    out, err = start(*typed).communicate()
    lines = sorted(without_times(err))
    assert [line.split()[0] for line in lines] == ["[1/2]", "[2/2]"], err
    assert all(": test worst class accuracy 0.7000" in line for line in lines)
    assert out.splitlines()[-1].startswith("2 runs in here;")
    summaries = [RunDirectory(path).summary() for path in sorted((configs.parent / "here").glob("*seed=2*"))]
    assert [summary and summary["sort"] for summary in summaries] == ["builtin", "manual"]
    if launcher == "process":  # side by side, equal runs may both be trained
        assert [summary and summary.get("same_as") for summary in summaries] == [
            "../seed=2,sort=manual",
            None,
        ]


def test_a_job_that_is_killed_counts(start: Start, configs: Path) -> None:
    script = configs.parent / "train.py"
    script.write_text(script.read_text().replace('"train"', '"study"'))
    _, err = start("-m", "hydra/launcher=process", "seed=15").communicate()
    assert without_times(err) == [
        "[1/1] seed=15: failed: its process was ended by SIGKILL, as when memory runs out"
    ]


def test_a_run_by_itself_has_no_such_lines(invoke: Invoke) -> None:
    outcome = invoke("hydra.run.dir=here", task=study, config="study")
    assert (outcome.err, outcome.status) == ("", 0)
    assert "runs in" not in outcome.out


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Path, Path, str | None], str]], None]:
    """Puts a function in the place of the one that writes reports."""

    def replace(write_report: Callable[[Path, Path, str | None], str]) -> None:
        module = types.ModuleType("experiments.report.page")
        module.write_report = write_report  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "experiments.report.page", module)

    return replace


def test_a_report_in_the_end(invoke: Invoke, stand_in: Callable[..., None]) -> None:
    reported: list[tuple[Path, Path, str | None]] = []

    def write_report(directory: Path, output: Path, baseline: str | None) -> str:
        reported.append((directory, output, baseline))
        return "a table"

    stand_in(write_report)
    baseline = "+hydra.callbacks.report.baseline='seed=1'"
    outcome = invoke("-m", REPORT, baseline, "seed=1,13", task=study, config="study")
    assert reported == [(Path("here"), Path("here"), "seed=1")]
    assert outcome.out.splitlines()[-2:] == [
        "a table",
        "1 runs in here; python scripts/report.py here draws them",
    ]


def test_nothing_to_report_is_one_line(invoke: Invoke, stand_in: Callable[..., None]) -> None:
    def write_report(directory: Path, output: Path, baseline: str | None) -> str:
        del baseline
        raise UserError(f"{directory}: no finished run in {output}")

    stand_in(write_report)
    outcome = invoke("-m", REPORT, "seed=13", task=study, config="study")
    assert "no report: here: no finished run in here" in outcome.err.splitlines()
    assert outcome.status == 2
