"""Jobs side by side, from launchers that come from elsewhere, under the settings they have here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.experiments.cli.conftest import Start


@pytest.mark.parametrize("launcher", ["parallel", "submitit_local"])
def test_a_failed_job_leaves_the_others_running(start: Start, configs: Path, launcher: str) -> None:
    process = start(
        "-m", f"hydra/launcher={launcher}", "hydra/sweeper=grid", "hydra.sweep.dir=here", "seed=13,1,14"
    )
    _, err = process.communicate()
    assert err.splitlines()[-2:] == [
        "error: seed=13: thirteen is unlucky",
        "error: seed=14: RuntimeError: boom",
    ]
    assert process.returncode == 1
    runs = [path for path in (configs.parent / "here").iterdir() if (path / ".hydra").is_dir()]
    assert len(runs) == 3
    assert sum((run / "error.txt").is_file() for run in runs) == 2


def test_parallel_runs_have_a_thread_each(start: Start, configs: Path) -> None:
    script = configs.parent / "train.py"
    looks = 'print("sees", os.environ.get("NPROC"), "jax" in sys.modules)'
    script.write_text(script.read_text().replace("    return 0.5", f"    {looks}"))
    out, err = start("-m", "hydra/launcher=parallel", "hydra/sweeper=grid", "seed=1,2").communicate()
    assert out.count("sees 1 False") == 2, err  # JAX reads it when it starts


def test_slurm_is_asked_for_what_the_config_says(start: Start, configs: Path) -> None:
    programs = configs.parent / "bin"
    programs.mkdir()
    for name, does in (("srun", ""), ("sbatch", f"cp $1 {programs}/asked; exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    typed = "-m", "hydra/launcher=slurm", "hydra/sweeper=grid", "seed=1,2,3"
    process = start(
        *typed,
        "hydra.launcher.partition=gpu",
        "hydra.launcher.gpus_per_node=1",
        PATH=f"{programs}:/bin:/usr/bin",
    )
    _, err = process.communicate()
    assert "sbatch" in err, "what SLURM refuses has to show"
    asked = (programs / "asked").read_text().splitlines()
    assert {
        "#SBATCH --array=0-2%3",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --mem=16GB",
        "#SBATCH --time=120",
        "#SBATCH --partition=gpu",
        "#SBATCH --gpus-per-node=1",
    } <= set(asked)
