"""Jobs in processes of their own, however they end."""

import os
import signal
from pathlib import Path

import pytest

from tests.experiments.cli.conftest import Start

PROCESS = "-m", "hydra/launcher=process"


def test_jobs_run_and_fail_by_themselves(start: Start, tmp_path: Path) -> None:
    sweep = 'hydra.sweep.dir="it\'s here, a=b"', "model=maxpool"
    out, err = (process := start(*PROCESS, *sweep, "seed=13,14,15,2")).communicate()
    ran = [line.split() for line in out.splitlines() if line.startswith("job")]
    assert [(seed, model) for _, seed, _, model, *_ in ran] == [
        (s, "maxpool") for s in ("13", "14", "15", "2")
    ]
    assert len({line[-1] for line in ran}) == 4, "two jobs shared a process"
    assert err.splitlines() == [
        "[1/4] seed=13: failed",
        "[2/4] seed=14: failed",
        "[3/4] seed=15: failed",
        "[4/4] seed=2: ended",
        "error: 3 of 4 jobs failed",
        "  model=maxpool seed=13: thirteen is unlucky",
        "  model=maxpool seed=14: RuntimeError: boom",
        "  model=maxpool seed=15: its process was ended by SIGKILL, as when memory runs out",
    ]
    assert process.returncode == 1
    runs = sorted(path for path in (tmp_path / "it's here, a=b").iterdir() if path.is_dir())
    for name in ("error.txt", ".hydra/config.yaml"):
        assert [(run / name).is_file() for run in runs] == [True, True, True, False]


def test_a_sweeper_that_needs_results_gets_them(start: Start) -> None:
    _, err = (process := start(*PROCESS, "hydra/sweeper=basic", "seed=1,13")).communicate()
    assert err.splitlines()[-1] == "error: seed=13: thirteen is unlucky"
    assert process.returncode == 2


@pytest.mark.parametrize("group", [True, False], ids=["as a terminal does", "the sweep alone"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_job_and_the_sweep(start: Start, group: bool, number: int, status: int) -> None:
    process = start(*PROCESS, "seed=16,2")
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith("job"):
        assert line, process.communicate()
    (os.killpg if group else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert "Traceback" not in err
    assert "job" not in out, "the sweep went on"
    with pytest.raises(ProcessLookupError):
        os.kill(int(line.split()[-1]), 0)
