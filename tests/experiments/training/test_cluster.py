"""Which processes train together."""

import os

import pytest
from omegaconf import OmegaConf

from experiments.errors import UserError
from experiments.training.cluster import initialization

SCHEDULERS = ("SLURM_", "OMPI_", "KUBERNETES_")
SRUN = {
    "SLURM_JOB_ID": "1",
    "SLURM_STEP_NODELIST": "node[01-02]",
    "SLURM_NTASKS": "4",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
}
CLUSTER = {"coordinator_address": "node0:1234", "num_processes": 2, "process_id": 1}


def config(distributed="auto", **cluster):
    return OmegaConf.create({"distributed": distributed, "cluster": cluster})


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        (SRUN, {}),
        ({**SRUN, "SLURM_NTASKS": "1", "SLURM_STEP_NUM_TASKS": "1"}, None),
        ({**SRUN, "SLURM_STEP_NUM_TASKS": "1"}, None),  # a shell, or Jupyter, in an allocation for four
        (
            {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"},
            None,
        ),  # sbatch
        ({"OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.0.0.1:34911", "OMPI_COMM_WORLD_SIZE": "2"}, {}),
        ({"OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.0.0.1:34911", "OMPI_COMM_WORLD_SIZE": "1"}, None),
    ],
)
def test_several_processes_are_found_where_a_scheduler_has_started_them(monkeypatch, environment, found):
    for name in [*os.environ]:
        if name.startswith(SCHEDULERS):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert initialization(config()) == found
    assert initialization(config(False)) is None
    assert initialization(config(**CLUSTER)) == {**CLUSTER, "cluster_detection_method": "deactivate"}
    assert initialization(config(**{**CLUSTER, "num_processes": 1, "process_id": 0})) is None
    assert initialization(OmegaConf.create({"seed": 0})) == found  # of before there were several


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (config("yes"), "distributed=yes: .*auto, true, false"),
        (config(True), "distributed=true: .*srun or mpirun"),
        (config(process_id=1), r"write cluster\.coordinator_address and cluster\.num_processes"),
        (config(**{**CLUSTER, "process_id": 2}), r"cluster\.process_id=2: write 0 to 1"),
        (config(**{**CLUSTER, "coordinator_address": "node0"}), "node0: write HOST:PORT"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(wrong, told):
    with pytest.raises(UserError, match=told):
        initialization(wrong)
