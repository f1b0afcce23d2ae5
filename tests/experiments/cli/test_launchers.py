"""Jobs side by side, from launchers that come from elsewhere, under the settings they have here."""

from pathlib import Path

import pytest

from tests.experiments.cli.conftest import Start


@pytest.mark.parametrize("launcher", ["parallel", "submitit_local"])
def test_a_failed_job_leaves_the_others_running(start: Start, tmp_path: Path, launcher: str) -> None:
    process = start("-m", f"hydra/launcher={launcher}", "hydra.sweep.dir=here", "seed=13,1,14")
    out, err = process.communicate()
    assert err.splitlines()[-3:] == [
        "error: 2 of 3 jobs failed",
        "  seed=13: thirteen is unlucky",
        "  seed=14: RuntimeError: boom",
    ]
    assert process.returncode == 1
    for name in (".hydra/config.yaml", "error.txt"):
        assert len(list((tmp_path / "here").glob(f"*/{name}"))) == 2
    if launcher == "parallel":  # a thread each; JAX reads it when it starts
        assert out.count("sees 1 False") == 3, err


def test_slurm_is_asked_for_what_the_config_says(start: Start, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in (("srun", ""), ("sbatch", f"cp $1 {programs}/asked; exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    process = start(
        *("-m", "hydra/launcher=slurm", "seed=1,2,3"),
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
