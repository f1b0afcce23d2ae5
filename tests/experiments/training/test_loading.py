"""Trained runs, loaded to be used: `load_run`, and the script that evaluates with it."""

import importlib.util
import subprocess
import sys

import jax
import numpy as np
import pytest

from experiments import load_run
from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from tests.experiments.conftest import CONFIGS, train

KINDS = {
    "classification": ["model.point_widths=[4]", "model.set_widths=[4]"],
    "regression": ["task=regression", "data=diabetes", "model=network", "loss=squared_error", "seed=3"],
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the runs are that a test before has made."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def made(kept, configure, capsys):
    """Makes a run, unless a test before has."""

    def make(kind):
        train(configure(*KINDS[kind], "trainer.evaluate_every=4"), kept / kind)
        capsys.readouterr()
        return RunDirectory(kept / kind)

    return make


@pytest.fixture(params=KINDS)
def run(request, made):
    return made(request.param)


@pytest.fixture
def evaluate(monkeypatch, capsys):
    """Calls the script as from a shell; returns its exit status, and what it printed to stdout and stderr."""
    spec = importlib.util.spec_from_file_location("evaluate", CONFIGS.parent / "scripts" / "evaluate.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["evaluate.py", *map(str, arguments)])
        status = 0
        try:
            script.main()
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return call


def test_the_test_metrics_are_those_of_the_summary_bit_for_bit(run):
    summary = run.summary()
    loaded = load_run(run.path)
    metrics, _ = loaded.evaluate()
    assert {f"test_{name}": value for name, value in metrics.items()}.items() <= summary.items()
    assert (loaded.step, loaded.summary, loaded.config.seed) == (20, summary, summary["seed"])


def test_the_best_checkpoint_has_the_best_validation_metric(run):
    summary = run.summary()
    best = load_run(str(run.path / "best"))
    metrics, _ = best.evaluate("validation")
    assert best.step == summary["best_step"]
    assert metrics[summary["metric"]] == summary[f"best_validation_{summary['metric']}"]
    (row,) = [row for row in run.metrics() if row["step"] == best.step and "validation_loss" in row]
    assert {f"validation_{name}": value for name, value in metrics.items()}.items() <= row.items()


def test_a_checkpoint_is_a_model_to_call(run):
    loaded = load_run(run.path / "checkpoints" / "10")
    assert loaded.step == 10
    some = loaded.data.test.take(slice(3))
    outputs = loaded.model(*(some.arrays()[name] for name in some.inputs))
    assert outputs.shape[0] == 3
    assert jax.tree.structure(loaded.parameters) == jax.tree.structure(load_run(run.path).parameters)


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "no checkpoints there"), ("nowhere", "no such directory"), ("new", "no checkpoint yet")],
)
def test_where_there_is_no_run(tmp_path, path, message):
    (tmp_path / "new" / ".hydra").mkdir(parents=True)
    with pytest.raises(UserError, match=message):
        load_run(tmp_path / path)


def test_predictions_are_written_and_nothing_is_overwritten(run, evaluate, tmp_path):
    known = "targets" if run.path.name == "regression" else "labels"
    for split, size in (
        ("test", 88 if known == "targets" else 300),
        ("train", 266 if known == "targets" else 1197),
    ):
        status, out, _ = evaluate(run.path, "--split", split)
        file = run.path / f"predictions-{split}-20.npz"
        assert (status, out.splitlines()[-1]) == (0, f"predictions in {file}")
        with np.load(file) as written:
            assert len(written[known]) == len(written["losses"]) == size
            loss = float(written["losses"].mean())
        assert f"loss {loss:.6g}" in out.splitlines()
        before = file.read_bytes()
        status, _, err = evaluate(run.path, "--split", split)
        assert (status, err.count("\n")) == (2, 1)
        assert f"{file}: exists; " in err
        assert evaluate(run.path, "--split", split, "--overwrite")[0] == 2
        assert file.read_bytes() == before
    other = tmp_path / "below" / "mine.npz"
    for more, status in ((), 0), ((), 2), (("--overwrite",), 0):
        assert evaluate(run.path / "best", "--output", other, *more)[0] == status


def test_other_data(evaluate, made):
    path = made("classification").path
    status, out, _ = evaluate(path, "data.max_points=5", "--split", "validation")
    assert status == 0
    with np.load(path / "predictions-validation-20-data.max_points=5.npz") as written:
        assert f"loss {float(written['losses'].mean()):.6g}" in out
    assert out != evaluate(path, "--split", "validation")[1]


@pytest.mark.parametrize("typed", ["data.max_pints=5", "model.name=dgcnn", "data", "data.max_points=a"])
def test_a_typo_is_one_line(evaluate, made, typed):
    path = made("classification").path
    status, out, err = evaluate(path, typed)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {typed}: ")


def test_the_package_loads_nothing_heavy():
    program = "import sys, experiments.training.job; print({'jax', 'flax', 'orbax'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
