"""What the tests of the report share: runs as if read, and a sweep on disk with things missing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.report.cells import make_cells, varying_columns
from experiments.report.runs import Run

# manual and builtin with seeds 0, 1, 2, and double_argsort, of which only seed 0 was begun. That one has no
# summary, builtin's seed 1 no metrics, and the metrics of manual's seed 2 are cut in their last line.
SWEEP = Path(__file__).parent / "sweep"

MakeRun = Callable[..., Run]


def write_run(
    directory: Path, number: int, choices: dict[str, str], settings: dict[str, Any], summary: dict[str, Any]
) -> None:
    """Writes a finished run of one seed, without curves, as if its command line had named all of this."""
    said = [f"{name}={value}" for name, value in {**settings, **choices}.items()]
    hydra = directory / ",".join(said) / ".hydra"
    hydra.mkdir(parents=True)
    config = {**settings, **{group: {"name": choice} for group, choice in choices.items()}, "seed": 0}
    job = {"hydra": {"job": {"name": "train", "num": number}, "runtime": {"choices": choices}}}
    for name, content in (("config", config), ("hydra", job), ("overrides", said)):
        (hydra / f"{name}.yaml").write_text(json.dumps(content))  # JSON is YAML
    (hydra.parent / "metrics.jsonl").write_text("")
    (hydra.parent / "summary.json").write_text(json.dumps(summary))


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A copy of the sweep, to be damaged further."""
    return Path(shutil.copytree(SWEEP, tmp_path / "sweep"))


@pytest.fixture
def make_run() -> MakeRun:
    """Makes a run of choices and overrides, as if it had been read."""

    def make(
        *overrides: str,
        seed: int = 0,
        rows: list[dict[str, Any]] | None = None,
        summary: dict[str, Any] | None = None,
        **choices: str,
    ) -> Run:
        config = {f"{group}.name": choice for group, choice in choices.items()}
        config |= dict(override.split("=") for override in overrides) | {"seed": seed}
        said = (*(f"{group}={choice}" for group, choice in choices.items()), *overrides, f"seed={seed}")
        name = ",".join(said)
        return Run(name, choices, config, said, ("", 0, name), rows or [], summary)

    return make


@pytest.fixture
def make_cell(make_run):
    """Makes a cell of runs: by seed, the rows of each."""

    def make(rows_by_seed: dict[int, list[dict[str, Any]]], **choices: str):
        runs = [make_run(seed=seed, rows=rows, summary={}, **choices) for seed, rows in rows_by_seed.items()]
        (cell,) = make_cells(runs, tuple(choices) or varying_columns(runs))[0]
        return cell

    return make
