"""What the tests of the report share: sweeps written to disk, one worked by hand and synthetic ones."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from experiments.report.load import Run, read_runs
from experiments.report.sweep import Cell, make_cells, varying_columns

MakeRun = Callable[..., Run]
MakeCell = Callable[..., Cell]

LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
TASK = ["sort=manual,builtin,double_argsort", "seed=range(3)", "trainer.steps=4", "data.directory=/data"]

# By sort and seed: test accuracy and milliseconds a step, losses, and validation accuracies at steps 2 and 4.
WORKED = {
    ("manual", 0): (0.90, 2.0, (2.0, 1.5, 1.0, 0.5), (0.8, 0.91)),
    ("manual", 1): (0.92, 2.0, (2.0, 1.4, 0.9, 0.4), (0.85, 0.93)),
    ("manual", 2): (0.97, 3.0, (2.0, 1.6, 1.1, 0.6), (0.82, 0.97)),
    ("builtin", 0): (0.91, 8.0, (2.0, 1.5, 1.0, 0.5), (0.8, 0.91)),
    ("builtin", 1): (0.91, 8.0, (), ()),
    ("builtin", 2): (0.94, 9.0, (2.0, 1.6, 1.35, 0.6), (0.78, 0.95)),
    ("double_argsort", 0): (None, None, (2.0, 1.5), (0.8,)),
}


def write_run(
    path: Path,
    number: int,
    choices: dict[str, str],
    settings: dict[str, Any],
    summary: dict[str, Any] | None = None,
    rows: Iterable[dict[str, Any]] | None = (),
) -> Path:
    """Writes what a run leaves, as if its command line had named all choices and settings."""
    said = [f"{name}={value}" for name, value in {**choices, **settings}.items()]
    config = {**{group: {"name": choice} for group, choice in choices.items()}, "seed": 0, **settings}
    job = {
        "job": {"name": "train", "num": number},
        "runtime": {"choices": choices | {"hydra/launcher": "basic"}},
    }
    (path / ".hydra").mkdir(parents=True)
    for name, content in (("config", config), ("hydra", {"hydra": job}), ("overrides", said)):
        (path / ".hydra" / f"{name}.yaml").write_text(json.dumps(content))  # JSON is YAML
    if rows is not None:
        (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if summary is not None:
        (path / "summary.json").write_text(json.dumps(summary))
    return path


def change_summary(run: Path, **changes: object) -> None:
    """Changes values in the summary of a run."""
    path = run / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def rows_of(losses: Iterable[float], accuracies: Iterable[float]) -> list[dict[str, Any]]:
    """The rows of a run with an evaluation after every other step."""
    left, rows = list(accuracies), []
    for step, loss in enumerate(losses, 1):
        rows.append({"step": step, "loss": loss, "accuracy": 0.5})
        if step % 2 == 0 and left:
            rows.append({"step": step, "validation_loss": loss, "validation_accuracy": left.pop(0)})
    return rows


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep with things missing.

    double_argsort has no summary, and two of its jobs never began; builtin's seed 1 has no metrics, and the
    metrics of manual's seed 2 are cut in their last line.
    """
    return write_worked(tmp_path / "sweep")


def write_worked(directory: Path) -> Path:
    """Writes the sweep of which the tests know all numbers."""
    for number, ((sort, seed), (accuracy, step_time, losses, accuracies)) in enumerate(WORKED.items()):
        summary = {
            "model": "sortpool",
            "sort": sort,
            "data": "digits",
            "seed": seed,
            "steps": 4,
            "step_time_ms": step_time,
            "compile_time_s": 1.5,
            "parameters": 1000,
            "device_count": 1,
            "sort_fraction": 0.25 if sort == "manual" else 0.75,
            "device": "cpu: a processor",
            "versions": {"python": "3.11.0", "jax": "0.10.2"},
            "git_revision": "aaaa" if sort == "manual" else "bbbb-dirty",
            "test_accuracy": accuracy,
            "test_loss": accuracy and round(1 - accuracy, 2),
        }
        choices = {"data": "digits", "sort": sort, "model": "sortpool"}
        settings = {"seed": seed, "trainer.steps": 4, "data.directory": "/data"}
        rows = rows_of(losses, accuracies) if losses else None
        run = write_run(
            directory / f"{sort}-{seed}", number, choices, settings, summary if accuracy else None, rows
        )
        said = [f"sort={sort}", f"seed={seed}", "trainer.steps=4", "data.directory=/data"]
        (run / ".hydra" / "overrides.yaml").write_text(json.dumps(said))
    cut = directory / "manual-2" / "metrics.jsonl"
    cut.write_text(cut.read_text()[:-20])
    content = {"hydra": {"launcher": {"_target_": LAUNCHER}, "overrides": {"task": TASK}}}
    (directory / "multirun.yaml").write_text(json.dumps(content))
    return directory


def write_synthetic(directory: Path, columns: dict[str, list[Any]], seeds: int = 1, steps: int = 20) -> Path:
    """Writes a sweep of any size: a run for each seed and each combination of the values of its columns."""
    cells: list[dict[str, Any]] = [{}]
    for name, values in columns.items():
        cells = [cell | {name: value} for cell in cells for value in values]
    for number, (cell, seed) in enumerate((cell, seed) for cell in cells for seed in range(seeds)):
        choices = {name: value for name, value in cell.items() if name in ("sort", "model", "data")}
        settings = {name: value for name, value in cell.items() if name not in choices} | {"seed": seed}
        place = cells.index(cell)
        losses = [2.0 / (1 + step * (1 + place % 7) / 10) + 0.01 * seed for step in range(steps)]
        rows = rows_of(losses, [1 - loss / 4 for loss in losses])
        summary = {
            "seed": seed,
            "steps": steps,
            "test_accuracy": 0.5 + place % 97 / 200 + seed / 1000,
            "test_loss": losses[-1],
            "step_time_ms": 1.0 + place % 13,
            "sort_fraction": 0.25,
            "duration_s": 90.5,
            "date": "2026-11-26T04:12:13",
            "git_revision": "0123456789abcdef",
            "compile_time_s": 0.5,
        }
        write_run(directory / f"run-{number}", number, choices, settings, summary, rows)
    return directory


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Makes a run of choices and overrides, as if it had been read."""
    count = iter(range(10_000))

    def make(
        *overrides: str,
        seed: int = 0,
        rows: list[dict[str, Any]] | None = None,
        summary: dict[str, Any] | None = None,
        **choices: str,
    ) -> Run:
        settings = dict(override.split("=") for override in overrides) | {"seed": seed}
        path = tmp_path / str(number := next(count))
        write_run(path / "run", number, choices, settings, summary or {}, rows or [])
        (run,) = read_runs(path)[0]
        return run

    return make


@pytest.fixture
def make_cell(make_run: MakeRun) -> MakeCell:
    """Makes a cell of runs: by seed, the rows of each."""

    def make(rows_by_seed: dict[int, list[dict[str, Any]]], **choices: str) -> Cell:
        runs = [make_run(seed=seed, rows=rows, **choices) for seed, rows in rows_by_seed.items()]
        (cell,) = make_cells(runs, list(choices) or varying_columns(runs))[0]
        return cell

    return make
