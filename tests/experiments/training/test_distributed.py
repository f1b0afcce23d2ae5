"""Several processes that train together: real ones, over gloo, beside one process with as many devices."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from omegaconf import OmegaConf

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training import distributed
from experiments.training.cluster import initialization
from tests.experiments.conftest import CONFIGS

SCRIPT = CONFIGS.parent / "scripts" / "train.py"
LENGTH = ("trainer.steps=120", "trainer.evaluate_every=40", "trainer.checkpoint_every=20")
SMALL = ("model.point_widths=[8,8]", "model.set_widths=[8]", "trainer.measure_sort=false", *LENGTH)
LIMIT = 60  # seconds within which a job ends that has lost a process, and a good part of what is left of it
SRUN = {
    "SLURM_JOB_ID": "1",
    "SLURM_STEP_NODELIST": "node[01-02]",
    "SLURM_NTASKS": "4",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
}
_SCHEDULERS = ("SLURM_", "OMPI_", "KUBERNETES_")
_GLOO = re.compile(r"^\[Gloo\] .*\n", re.MULTILINE)  # which greets on standard output
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
        if name.startswith(_SCHEDULERS):
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
    with pytest.raises(UserError, match=told), distributed.together(wrong):
        pass


def test_a_sweep_is_started_once():
    with (
        pytest.raises(UserError, match=r"-m: .*hydra/launcher=slurm"),
        distributed.together(config(**CLUSTER), swept=True),
    ):
        pass


def test_a_process_by_itself_decides_by_itself(tmp_path):
    with distributed.together(config(False)):
        assert distributed.decided(lambda: "this") == "this"
        assert distributed.output_of_all(tmp_path) == tmp_path
        assert (distributed.process(), distributed.is_first()) == ((0, 1), True)
        assert distributed.stop_agreed_on(signal.SIGHUP, 1) == signal.SIGHUP


class Job:
    """Runs of the script as from shells, all of one job."""

    def __init__(self, directory, data_directory, processes=1, devices=1):
        self.directory, self.processes = directory, processes
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_SCHEDULERS)},
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "PYTHONPATH": str(CONFIGS.parent),
            "TFDS_DATA_DIR": str(data_directory),
        }

    def start(self, *overrides):
        """Starts all processes."""
        with socket.socket() as free:
            free.bind(("localhost", 0))
            address = f"localhost:{free.getsockname()[1]}"
        self.running = []
        for index in range(self.processes):
            cluster = (f"cluster.num_processes={self.processes}", f"cluster.process_id={index}")
            command = [sys.executable, SCRIPT, *SMALL, f"cluster.coordinator_address={address}", *cluster]
            self.running.append(
                subprocess.Popen(
                    [*command, *overrides],
                    cwd=self.directory,
                    env=self.environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        return self

    def end(self):
        """Waits for them; returns exit status, standard output and standard error of each."""
        try:
            told = [process.communicate(timeout=3 * LIMIT) for process in self.running]
            told = [[_GLOO.sub("", text) for text in texts] for texts in told]
        finally:
            for process in self.running:
                process.kill()
        return [(process.returncode, *texts) for process, texts in zip(self.running, told, strict=True)]

    def run(self, *overrides):
        return self.start(*overrides).end()

    def wait_for(self, step, run):
        """Waits until a step is in the metrics."""
        until = time.monotonic() + 3 * LIMIT
        while len(run.metrics()) < step:
            assert time.monotonic() < until
            assert all(process.poll() is None for process in self.running), self.end()
            time.sleep(0.01)


def numbers(run):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in run.metrics()]


def saved(run):
    """The newest checkpoint's digests: what tells one state from any other."""
    from orbax.checkpoint import v1 as ocp

    path = run.checkpoints()[0]
    return path.name, ocp.load(path.absolute())["digests"].tobytes()


@pytest.fixture(scope="module")
def alone(tmp_path_factory, data_directory):
    """A run of one process with two devices."""
    directory = tmp_path_factory.mktemp("alone")
    ((status, _, errors),) = Job(directory, data_directory, devices=2).run("hydra.run.dir=run")
    assert status == 0, errors
    return RunDirectory(directory / "run")


@pytest.mark.slow
def test_two_processes_are_as_one_with_their_devices(tmp_path, data_directory, alone):
    """Bit for bit, as a sum of two numbers knows no order; and in the one directory of process 0."""
    job = Job(tmp_path, data_directory, processes=2)
    first, second = job.run()
    assert (first[0], second[0]) == (0, 0), (first, second)
    (output,) = tmp_path.glob("outputs/*/*")
    run = RunDirectory(output)
    assert numbers(run) == numbers(alone)
    assert saved(run) == saved(alone)
    summary, other = run.summary(), alone.summary()
    assert (summary["device_count"], summary["process_count"]) == (2, 2)
    results = {key for key in summary if key.startswith(("test_", "best_")) or key in ("run_key", "steps")}
    assert {key: summary[key] for key in results} == {key: other[key] for key in results}
    assert "results in" in first[1]
    assert "step 120/120" in first[2]
    assert second[1:] == ("", "")

    first, second = job.run(f"hydra.run.dir={output}")
    assert "finished before" in first[1]
    assert second[1:] == ("", "")
    first, second = job.run(f"hydra.run.dir={output}", "seed=1")
    assert (first[0], second[0]) == (2, 2)
    assert "holds another run (seed=0, here 1)" in first[2]
    assert second[1:] == ("", "")  # once is enough
    assert run.error() is None


@pytest.mark.slow
def test_a_signal_to_one_stops_all_at_one_step(tmp_path, data_directory, alone):
    """And another number of processes goes on. With four devices the sum of the gradients has an order."""
    job, run = Job(tmp_path, data_directory, processes=2, devices=2), RunDirectory(tmp_path / "run")
    job.start("hydra.run.dir=run", "trainer.steps=100_000")
    job.wait_for(30, run)
    job.running[1].send_signal(signal.SIGTERM)
    first, second = job.end()
    assert (first[0], second[0]) == (143, 143), (first, second)
    step = int(run.checkpoints()[0].name)
    assert f"stopped by SIGTERM at step {step}; to go on: " in first[2]
    assert [row["step"] for row in run.metrics() if "loss" in row] == list(range(1, step + 1))
    assert run.metrics()[0]["loss"] == pytest.approx(alone.metrics()[0]["loss"], rel=1e-5)

    longer = (f"trainer.resume={run.path}", f"trainer.steps={step + 2}", "hydra.run.dir=longer")
    ((status, _, errors),) = Job(tmp_path, data_directory).run(*longer)
    assert status == 0, errors
    assert f"goes on from {run.path} at step {step}" in errors


@pytest.mark.slow
def test_a_process_that_dies_ends_the_job_which_one_process_then_ends(tmp_path, data_directory, alone):
    job, run = Job(tmp_path, data_directory, processes=2), RunDirectory(tmp_path / "run")
    job.start("hydra.run.dir=run")
    job.wait_for(50, run)  # the save at 40 has waited for that at 20
    job.running[1].kill()
    died = time.monotonic()
    (status, _, errors), _ = job.end()
    assert time.monotonic() - died < LIMIT
    assert status == 1
    assert "another process has ended, or cannot be reached" in errors
    assert run.checkpoints()[0].name in ("20", "40", "60")

    ((status, _, errors),) = Job(tmp_path, data_directory, devices=2).run("hydra.run.dir=run")
    assert status == 0, errors
    assert "goes on" in errors
    assert numbers(run) == numbers(alone)
    assert saved(run) == saved(alone)


@pytest.mark.slow
def test_a_process_that_nobody_meets_says_so(tmp_path, data_directory):
    job = Job(tmp_path, data_directory, processes=2)
    job.start("cluster.initialization_timeout=3")
    job.running[0].kill()
    _, (status, _, errors) = job.end()
    assert status == 2
    assert "error: cluster.initialization_timeout=3: not all processes have met" in errors
    assert not any(tmp_path.rglob("*.*"))
