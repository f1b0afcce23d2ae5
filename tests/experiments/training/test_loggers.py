"""What every logger beside metrics.jsonl holds, read back with the formats of their libraries."""

import math
import sys

import numpy as np
import pytest

from experiments.errors import UserError
from experiments.run_directory import RunDirectory
from experiments.training.loggers import build_logger
from tests.experiments.conftest import train
from tests.experiments.training.logger_reading import READERS

LIBRARIES = {"tensorboard": "tensorboardX", "wandb": "wandb", "mlflow": "mlflow"}


@pytest.fixture(params=LIBRARIES)
def choice(request, tmp_path, monkeypatch):
    """Each logger whose library is installed, that writes nowhere but into the directory of the test."""
    pytest.importorskip(LIBRARIES[request.param])
    for what in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"WANDB_{what}_DIR", str(tmp_path / what))
    return request.param


def curves_of(directory):
    """Those of metrics.jsonl, as far as the least precise logger tells numbers apart."""
    curves = {}
    for row in RunDirectory(directory).metrics():
        for name in row.keys() - {"step"}:
            curves.setdefault(name, []).append((row["step"], row[name]))
    return rounded(curves)


def rounded(curves):
    rounded = {name: [(step, float(np.float32(v))) for step, v in curve] for name, curve in curves.items()}
    # The only value that both rows of a step have; some loggers keep one.
    rounded["seconds"] = list(dict.fromkeys(rounded["seconds"]))
    return rounded


def assert_holds_the_run(choice, directory, config, summary):
    written = READERS[choice](directory)
    expected = curves_of(directory)
    assert {name: curve for name, curve in rounded(written.curves).items() if name in expected} == expected
    assert written.curves.keys() <= expected.keys() | summary.keys()
    for name in ("test_accuracy", "test_loss", "step_time_ms", "parameters"):
        assert written.summary[name] == pytest.approx(summary[name])
    if written.settings is not None:
        assert str(written.settings["optimizer.transform.weight_decay"]) == "0.03"
        assert str(written.settings["model.name"]) == "sortpool"
        assert str(written.settings["trainer.resume"]) == str(config.trainer.resume)
    assert not written.failed


def test_a_run_and_one_that_resumes_it(configure, tmp_path, choice, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    short = configure(f"logger={choice}", "trainer.steps=10")
    resumed = configure(f"logger={choice}", f"trainer.resume={tmp_path / 'short'}", "trainer.steps=14")
    for directory, config in (("short", short), ("resumed", resumed)):
        summary = train(config, tmp_path / directory)
        assert_holds_the_run(choice, tmp_path / directory, config, summary)
    rows = RunDirectory(tmp_path / "resumed").metrics()
    assert [row["step"] for row in rows if "loss" in row] == list(range(1, 15))
    assert not list((tmp_path / "elsewhere").iterdir())


def log(config, directory, rows):
    with build_logger(config, directory) as logger:
        logger.begin([])
        for row in rows:
            logger.log(row)


def test_a_run_that_fails_keeps_its_rows_and_is_marked(configure, tmp_path, choice):
    def rows():
        yield {"step": 1, "loss": 0.5, "accuracy": 0.25}
        yield {"step": 1, "validation_loss": 0.75}
        yield {"step": 2, "loss": math.nan, "accuracy": 1.0}
        raise UserError("the loss is not a number")

    with pytest.raises(UserError, match="not a number"):
        log(configure(f"logger={choice}"), tmp_path, rows())
    written = READERS[choice](tmp_path)
    assert written.curves["accuracy"] == [(1, 0.25), (2, 1.0)]
    assert written.curves["validation_loss"] == [(1, 0.75)]
    first, last = written.curves["loss"]
    assert first == (1, 0.5)
    assert last[0] == 2
    assert math.isnan(last[1])
    assert written.failed in (True, None)


def test_event_files_of_a_run_resumed_in_its_own_directory_are_hidden(configure, tmp_path):
    pytest.importorskip("tensorboardX")
    for last in (3, 5):
        log(configure("logger=tensorboard"), tmp_path, [{"step": i, "loss": i} for i in range(1, last + 1)])
    assert READERS["tensorboard"](tmp_path).curves == {"loss": [(i, i) for i in range(1, 6)]}


def test_a_store_may_be_shared(configure, tmp_path):
    pytest.importorskip("mlflow")
    config = configure("logger=mlflow", f"logger.tracking_uri=sqlite:///{tmp_path / 'mlflow.db'}")
    for name, value in (("first", 1.0), ("second", 2.0)):
        (tmp_path / name).mkdir()
        log(config, tmp_path / name, [{"step": 1, "loss": value}])
        assert READERS["mlflow"](tmp_path).curves["loss"] == [(1, value)]


@pytest.mark.parametrize(("choice", "library"), LIBRARIES.items())
def test_a_library_that_is_missing_is_told_before_anything_is_made(
    configure, tmp_path, monkeypatch, choice, library
):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"^logger={choice} needs {library}: pip install {library}$"):
        train(configure(f"logger={choice}"), tmp_path)
    assert not [path.name for path in tmp_path.iterdir() if path.name != ".lock"]


def test_a_mode_that_is_none_is_refused(configure, tmp_path):
    with pytest.raises(UserError, match=r"logger\.mode=of: no such mode \(choices: offline, online\)"):
        train(configure("logger=wandb", "logger.mode=of"), tmp_path)


def test_a_store_that_cannot_be_is_refused(configure, tmp_path):
    pytest.importorskip("mlflow")
    with pytest.raises(UserError, match=r"^logger=mlflow: .*nowhere://"):
        train(configure("logger=mlflow", "logger.tracking_uri=nowhere://"), tmp_path)
    assert not [path.name for path in tmp_path.iterdir() if path.name != ".lock"]


def test_rows_come_back_bit_for_bit(configure, tmp_path):
    values = np.random.default_rng(0).integers(0, 2**31 - 2**24, 1000).astype(np.uint32).view(np.float32)
    log(configure(), tmp_path, [{"step": step, "loss": float(value)} for step, value in enumerate(values)])
    log(configure(), tmp_path, [{"step": 1000, "loss": math.inf}])  # what is there stays
    back = [row["loss"] for row in RunDirectory(tmp_path).metrics()]
    assert np.array(back, np.float32).tobytes() == values.tobytes() + np.float32(math.inf).tobytes()


def test_rows_are_not_written_through_a_link(configure, tmp_path):
    (tmp_path / "metrics.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        log(configure(), tmp_path, [])
    assert not (tmp_path / "elsewhere").exists()
