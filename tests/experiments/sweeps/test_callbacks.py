"""Sweeps from beginning to end, of runs that take no time: what they print, and what they leave."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.errors import UserError
from experiments.run_directory import RunDirectory, run_key
from experiments.training.job import Job
from tests.experiments.cli.conftest import Invoke, Start
from tests.experiments.conftest import CONFIGS

TO = "hydra.sweep.dir=here"
REPORT = "+hydra.callbacks.report._target_=experiments.report.callback.SweepReport"

SCRIPT = f"""
from pathlib import Path

from experiments.cli import run
from tests.experiments.sweeps.test_callbacks import study

if __name__ == "__main__":
    run(study, config_dir=Path({str(CONFIGS)!r}), config_name="train")
"""


def study(config: DictConfig) -> float:
    """Stands for a training that takes no time."""
    hydra = HydraConfig.get()
    output = Path(hydra.runtime.output_dir)
    sweep = Path(hydra.sweep.dir) if hydra.mode == RunMode.MULTIRUN else None
    summary = Job(config, hydra, output, sweep).known_results()
    if summary is None:
        if config.seed == 13:
            raise UserError("thirteen is unlucky")
        RunDirectory(output).begin(config, hydra)
        (output / "metrics.jsonl").touch()
        score = {"metric": "worst_class_accuracy", "test_worst_class_accuracy": 0.5 + 0.1 * config.seed}
        summary = {"sort": config.sort.implementation, "run_key": run_key(config), **score}
        RunDirectory(output).write_summary(summary)
    return summary["test_worst_class_accuracy"]


def without_times(err: str) -> list[str]:
    return [re.sub(r", about .* left$", "", line) for line in err.splitlines() if line.startswith("[")]


def test_a_line_a_run(invoke: Invoke) -> None:
    outcome = invoke("-m", TO, "model=maxpool", "sort=manual,builtin", "seed=1,13", task=study)
    assert without_times(outcome.err) == [
        "[1/4] sort=manual seed=1: test worst class accuracy 0.6000",
        "[2/4] sort=manual seed=13: failed",
        "[3/4] sort=builtin seed=1: test worst class accuracy 0.6000, taken from an equal run",
        "[4/4] sort=builtin seed=13: failed",
    ]
    times = [line.endswith(" left") for line in outcome.err.splitlines() if line.startswith("[")]
    assert times == [True, True, True, False]
    assert outcome.out.splitlines()[-1] == "2 runs in here; python scripts/report.py here draws them"
    assert not list(Path("here").glob(".progress*")), "the sweep left its notes behind"


def test_a_sweep_that_was_stopped_goes_on(invoke: Invoke) -> None:
    def stopped(config: DictConfig) -> float:
        if config.seed == 3:
            signal.raise_signal(signal.SIGINT)
        return study(config)

    typed = "-m", "seed=1,2,3,4"
    assert invoke(TO, *typed, task=stopped).status == 130
    written = {path: path.stat().st_mtime_ns for path in Path("here").rglob("summary.json")}
    assert len(written) == 2
    outcome = invoke(TO, *typed, task=study)
    assert [line.split()[0] for line in without_times(outcome.err)] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert outcome.out.count("finished before") == 2
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert len(list(Path("here").rglob("summary.json"))) == 4


@pytest.mark.parametrize("launcher", ["process", "parallel"])
def test_other_processes_print_and_remember_the_same(start: Start, tmp_path: Path, launcher: str) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    typed = "-m", f"hydra/launcher={launcher}", "model=maxpool", "sort=manual,builtin", "seed=2"
    out, err = start(TO, *typed).communicate()
    lines = sorted(without_times(err))
    assert [line.split()[0] for line in lines] == ["[1/2]", "[2/2]"], err
    assert all(": test worst class accuracy 0.7000" in line for line in lines)
    assert out.splitlines()[-1].startswith("2 runs in here;")
    summaries = [RunDirectory(path).summary() for path in sorted((tmp_path / "here").glob("*seed=2*"))]
    assert [summary and summary["sort"] for summary in summaries] == ["builtin", "manual"]
    if launcher == "process":  # side by side, equal runs may both be trained
        assert [summary and summary.get("same_as") for summary in summaries] == [
            "../model=maxpool,seed=2,sort=manual",
            None,
        ]


def test_a_job_that_is_killed_counts(start: Start) -> None:
    _, err = start("-m", TO, "hydra/launcher=process", "seed=15").communicate()
    assert without_times(err) == ["[1/1] seed=15: failed"]
    assert err.splitlines()[-1].endswith("seed=15: its process was ended by SIGKILL, as when memory runs out")


def test_a_run_by_itself_has_no_such_lines(invoke: Invoke) -> None:
    outcome = invoke("hydra.run.dir=here", task=study)
    assert (outcome.err, outcome.status) == ("", 0)
    assert "runs in" not in outcome.out


def test_a_sweep_without_a_finished_run_has_no_report(invoke: Invoke) -> None:
    outcome = invoke("-m", TO, REPORT, "seed=13", task=study)
    (line,) = (line for line in outcome.err.splitlines() if line.startswith("no report: "))
    assert "here" in line
    assert outcome.status == 2
    assert not Path("here", "report.html").exists()
