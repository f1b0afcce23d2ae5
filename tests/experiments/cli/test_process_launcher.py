"""Jobs in processes of their own, however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments import cli

SCRIPT = """
import os
import signal
import sys
import time
from pathlib import Path

from experiments.cli import run
from experiments.errors import UserError


def train(config):
    print(f"job {config.seed} of {config.model.name} in process {os.getpid()}", flush=True)
    print(os.environ.get("HYDRA_FULL_ERROR"), file=sys.stderr)
    if config.seed == 13:
        raise UserError("thirteen is unlucky")
    if config.seed == 14:
        raise RuntimeError("boom")
    if config.seed == 15:
        os.kill(os.getpid(), signal.SIGKILL)
    if config.seed == 16:
        time.sleep(600)
    return 0.5


if __name__ == "__main__":
    run(train, config_dir=Path(__file__).parent / "configs", config_name="train")
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(configs: Path) -> Start:
    """Starts a sweep with a process a job, in a session of its own, as a terminal would."""
    (configs.parent / "train.py").write_text(textwrap.dedent(SCRIPT))

    def start_with(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "train.py", "-m", "hydra/launcher=process", *arguments],
            cwd=configs.parent,
            env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start_with


def test_jobs_are_single_runs_and_fail_by_themselves(start: Start, configs: Path) -> None:
    sweep = "hydra/sweeper=grid", 'hydra.sweep.dir="it\'s here, a=b"', "model=sortpool"
    out, err = (process := start(*sweep, "seed=13,14,15,2")).communicate()
    ran = [line.split() for line in out.splitlines() if line.startswith("job")]
    assert [(seed, model) for _, seed, _, model, *_ in ran] == [
        (s, "sortpool") for s in ("13", "14", "15", "2")
    ]
    assert len({line[-1] for line in ran}) == 4, "two jobs shared a process"

    lines = err.splitlines()
    assert lines.count("None") == 4, "Hydra's own HYDRA_FULL_ERROR reached a job"
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


def test_a_sweeper_that_needs_results_gets_them(start: Start, configs: Path) -> None:
    (configs / "hydra" / "sweeper" / "needy.yaml").write_text(
        "_target_: hydra_plugins.needy.Needy\nmax_batch_size: null\nparams: null\n"
    )
    script = configs.parent / "train.py"
    needy = """
from hydra.core.plugins import Plugins
plugins = Plugins.instance()
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

class Needy(BasicSweeper):
    def sweep(self, arguments):
        print("got", [job.return_value for batch in super().sweep(arguments) for job in batch])

plugins.class_name_to_class["hydra_plugins.needy.Needy"] = Needy
"""
    script.write_text(needy + script.read_text())
    out, _ = start("hydra/sweeper=needy", "seed=1,2").communicate()
    assert out.splitlines()[-1] == "got [0.5, 0.5]"
    process = start("hydra/sweeper=needy", "seed=13,1")
    _, err = process.communicate()
    assert err.splitlines()[-1] == "error: seed=13: thirteen is unlucky"
    assert process.returncode == 2


@pytest.mark.parametrize("group", [True, False], ids=["as a terminal does", "the sweep alone"])
def test_an_interrupt_ends_the_job_and_the_sweep(start: Start, group: bool) -> None:
    process = start("hydra/sweeper=grid", "seed=16,2")
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
