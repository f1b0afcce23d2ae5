"""Jobs in processes of their own, however they end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.experiments.cli.conftest import Start

PROCESS = "-m", "hydra/launcher=process"


def test_jobs_are_single_runs_and_fail_by_themselves(start: Start, configs: Path) -> None:
    sweep = "hydra/sweeper=grid", 'hydra.sweep.dir="it\'s here, a=b"', "model=sortpool"
    out, err = (process := start(*PROCESS, *sweep, "seed=13,14,15,2")).communicate()
    ran = [line.split() for line in out.splitlines() if line.startswith("job")]
    assert [(seed, model) for _, seed, _, model, *_ in ran] == [
        (s, "sortpool") for s in ("13", "14", "15", "2")
    ]
    assert len({line[-1] for line in ran}) == 4, "two jobs shared a process"

    lines = err.splitlines()
    assert lines.count("HYDRA_FULL_ERROR: None") == 4, "Hydra's own HYDRA_FULL_ERROR reached a job"
    assert lines[-3:] == [
        "error: model=sortpool seed=13: thirteen is unlucky",
        "error: model=sortpool seed=14: RuntimeError: boom",
        "error: model=sortpool seed=15: its process was ended by SIGKILL, as when memory runs out",
    ]
    assert lines.count("error: thirteen is unlucky") == 1  # at once, from the job itself
    assert err.count("Traceback") == 1
    assert process.returncode == 1

    directory = configs.parent / "it's here, a=b"
    runs = sorted(path for path in directory.iterdir() if path.is_dir())
    assert [(run / ".hydra" / "config.yaml").is_file() for run in runs] == [True] * 4
    assert [(run / "error.txt").is_file() for run in runs] == [True, True, True, False]
    assert "num: 3" in (runs[3] / ".hydra" / "hydra.yaml").read_text()


NEEDY = """
from hydra.core.plugins import Plugins

plugins = Plugins.instance()
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class Needy(BasicSweeper):
    def sweep(self, arguments):
        good, bad = self.launcher.launch([["seed=1"], ["seed=13"]], initial_job_idx=0)
        print("got", good.return_value)
        return bad.return_value


plugins.class_name_to_class["hydra_plugins.Needy"] = Needy
"""


def test_a_sweeper_that_needs_results_gets_them(start: Start, configs: Path) -> None:
    settings = "_target_: hydra_plugins.Needy\nmax_batch_size: null\nparams: null\n"
    (configs / "hydra" / "sweeper" / "needy.yaml").write_text(settings)
    script = configs.parent / "train.py"
    script.write_text(NEEDY + script.read_text())
    out, err = (process := start(*PROCESS, "hydra/sweeper=needy")).communicate()
    assert out.splitlines()[-1] == "got 0.5"
    assert err.splitlines()[-1] == "error: seed=13: thirteen is unlucky"
    assert process.returncode == 2


@pytest.mark.parametrize("group", [True, False], ids=["as a terminal does", "the sweep alone"])
def test_an_interrupt_ends_the_job_and_the_sweep(start: Start, group: bool) -> None:
    process = start(*PROCESS, "hydra/sweeper=grid", "seed=16,2")
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith("job"):
        assert line, process.communicate()
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "interrupted"
    assert err.count("interrupted") == 1
    assert "Traceback" not in err
    assert "job" not in out, "the sweep went on"
    with pytest.raises(ProcessLookupError):
        os.kill(int(line.split()[-1]), 0)
