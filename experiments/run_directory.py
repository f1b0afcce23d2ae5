"""What is in a run's directory, and how it is read and written: the one module that knows.

======================= ===============================================================================
`.hydra/`               `config.yaml`, `overrides.yaml`, `hydra.yaml`: what was asked for
`metrics.jsonl`         a line a step, and a line an evaluation
`checkpoints/`          the newest few, numbered by step; `250.damaged` is one that was set aside
`best/`                 the one with the best validation metric
`summary.json`          what came of it; a run that has one is finished
`curves.png`            loss and metric against steps; `picture.png` where there is more to see
`profile/`              a trace, where one was asked for
`error.txt`             why the last attempt failed, in its first line
`.lock`, `.owner.json`  who works in it
======================= ===============================================================================
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.errors import UserError
from experiments.files import (
    UnreadableError,
    check_not_owned,
    from_json,
    owned,
    read_json,
    read_text,
    read_yaml,
    to_json,
    write_text,
)

HYDRA = ".hydra"
METRICS_FILE = "metrics.jsonl"
SUMMARY_FILE = "summary.json"
ERROR_FILE = "error.txt"
CHECKPOINTS = "checkpoints"
BEST = "best"
CURVES_FILE = "curves.png"
PICTURE_FILE = "picture.png"
PROFILE = "profile"

_FILES = (METRICS_FILE, SUMMARY_FILE, ERROR_FILE, CURVES_FILE, PICTURE_FILE)
_FOLDERS = (HYDRA, CHECKPOINTS, BEST, PROFILE)

LAUNCH = ("distributed", "cluster")  # the sections that say how a run is started

# What has no influence on what a run finds. A model that sorts has the implementation resolved in its own
# section; sort has no effect elsewhere.
_WITHOUT_EFFECT = (
    "sort",
    "logger",
    "data.directory",
    "data.in_memory",
    "trainer.checkpoint_every",
    "trainer.keep_checkpoints",
    "trainer.overwrite",
    "trainer.devices",
    "trainer.steps_per_call",
    "trainer.debug",
    *LAUNCH,
)
# Settings that came later, and the value with which a run is what it was without them.
_AS_BEFORE = {
    "trainer.precision": "float32",
    "trainer.on_nonfinite": "stop",
    "trainer.gradient_noise": 0,
}
_DAMAGED = ".damaged"
_INSTEAD = "hydra.run.dir=ANOTHER_DIRECTORY"


@dataclass(frozen=True)
class RunDirectory:
    """The directory of a run; it need not exist yet.

    Attributes:
        path: where it is.
    """

    path: Path

    # What was asked for.

    @property
    def is_run(self) -> bool:
        """Whether a run has begun here."""
        return (self.path / HYDRA / "config.yaml").is_file()

    @property
    def has_results(self) -> bool:
        """Whether there is anything here that took time to make."""
        return any((self.path / name).exists() for name in (METRICS_FILE, SUMMARY_FILE, CHECKPOINTS, BEST))

    def config(self) -> DictConfig:
        """Returns the config of the run, interpolations left as they are.

        Raises:
            UserError: there is none that can be read.
        """
        path = self.path / HYDRA / "config.yaml"
        try:
            read_yaml(path, dict)  # refuses what is too large
            config = OmegaConf.load(path)
        except (UnreadableError, OmegaConfBaseException, OSError) as error:
            raise UserError(f"{self.path}: not the directory of a run ({error})") from error
        assert isinstance(config, DictConfig)  # noqa: S101 (read_yaml has looked)
        return config

    def overrides(self) -> list[str]:
        """Returns what the command line of the run said, but for Hydra's own settings.

        Raises:
            UnreadableError: that cannot be read.
        """
        return [str(line) for line in read_yaml(self.path / HYDRA / "overrides.yaml", list)]

    def begin(self, config: DictConfig, hydra: DictConfig) -> None:
        """Writes what was asked for.

        Args:
            config: the composed config, without Hydra's part.
            hydra: Hydra's part.
        """
        folder = self.path / HYDRA
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "overrides.yaml", OmegaConf.to_yaml(hydra.overrides.task))
        write_text(folder / "hydra.yaml", OmegaConf.to_yaml(OmegaConf.create({"hydra": hydra})))
        write_text(folder / "config.yaml", OmegaConf.to_yaml(config))
        for name in (SUMMARY_FILE, ERROR_FILE):  # of what was asked for before
            (self.path / name).unlink(missing_ok=True)

    # What came of it.

    def summary(self) -> dict[str, Any] | None:
        """Returns the summary; None if the run is not finished, or it cannot be read."""
        try:
            return read_json(self.path / SUMMARY_FILE)
        except UnreadableError:
            return None

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Writes the summary, which makes the run a finished one."""
        write_text(self.path / SUMMARY_FILE, to_json(dict(summary), indent=2) + "\n")

    def metrics(self) -> list[dict[str, float]]:
        """Returns the rows of `metrics.jsonl`, up to the first that cannot be read: a kill cuts the last."""
        rows: list[dict[str, float]] = []
        with suppress(OSError, ValueError), (self.path / METRICS_FILE).open("rb") as file:
            for line in file:
                row = from_json(line.decode())
                if not isinstance(row, dict) or not isinstance(row.get("step"), int):
                    break
                rows.append(row)
        return rows

    def keep(self, until: int, of: "RunDirectory | None" = None) -> list[dict[str, float]]:
        """Begins with the first steps of this run, or of another: with its metrics, and with its best.

        Returns:
            The rows that are now the whole of `metrics.jsonl`.
        """
        rows = [row for row in (of or self).metrics() if row["step"] <= until]
        write_text(self.path / METRICS_FILE, "".join(to_json(row) + "\n" for row in rows))
        for best in of.checkpoints(BEST) if of is not None and of is not self else []:
            if int(best.name) <= until:
                shutil.copytree(best, self.path / BEST / best.name, dirs_exist_ok=True)
        return rows

    def error(self) -> str | None:
        """Returns in one line why the last attempt failed; None if it did not."""
        try:
            return read_text(self.path / ERROR_FILE).partition("\n")[0]
        except UnreadableError:
            return None

    def keep_error(self, reason: str, trace: str = "") -> None:
        """Leaves why an attempt failed, in one line, and a bug's traceback below it."""
        with suppress(OSError):  # of a full disk there are other signs
            self.path.mkdir(parents=True, exist_ok=True)
            write_text(self.path / ERROR_FILE, f"{reason}\n{trace}")

    def forget_error(self) -> None:
        """Removes what an earlier attempt has left."""
        (self.path / ERROR_FILE).unlink(missing_ok=True)

    def checkpoints(self, folder: str = CHECKPOINTS) -> list[Path]:
        """Returns what is in `checkpoints` or in `best`, the newest first.

        Those beyond the last row of `metrics.jsonl` are left out: an attempt that went on from an earlier one
        has given them up.
        """
        names = os.listdir(self.path / folder) if (self.path / folder).is_dir() else []
        steps = sorted((int(name) for name in names if name.isdecimal()), reverse=True)
        rows = self.metrics() if steps else []
        known = [step for step in steps if rows and step <= rows[-1]["step"]] or steps
        return [self.path / folder / str(step) for step in known]

    # Whose it is.

    def owned(self) -> AbstractContextManager[None]:
        """Keeps other processes out until the block ends; see `experiments.files.owned`."""
        self.path.mkdir(parents=True, exist_ok=True)
        return owned(self.path, _INSTEAD)

    def check(self) -> None:
        """Looks whether a run can be here, and writes nothing.

        Raises:
            UserError: another process owns it, or a folder of it is a link to elsewhere.
        """
        check_not_owned(self.path, _INSTEAD)
        for name in _FOLDERS:
            if not (self.path / name).resolve().is_relative_to(self.path.resolve()):
                raise UserError(
                    f"{self.path / name}: a link out of the run's directory, in which nothing is written; "
                    f"remove it, or write {_INSTEAD}"
                )

    def clear(self) -> None:
        """Removes what a run has left, and nothing else."""
        for name in _FILES:
            (self.path / name).unlink(missing_ok=True)
        for name in _FOLDERS:
            folder = self.path / name
            if folder.is_symlink():
                folder.unlink()
            elif folder.is_dir():
                shutil.rmtree(folder)


def runs_below(directory: Path) -> Iterator[RunDirectory]:
    """Yields the runs at and below a directory, finished or not, in the order of their paths."""
    for path, below, files in os.walk(directory):
        if HYDRA in below or SUMMARY_FILE in files:
            yield RunDirectory(Path(path))
        below[:] = sorted(name for name in below if name not in _FOLDERS and not name.startswith("."))


def locate(path: Path) -> tuple[RunDirectory, list[Path]]:
    """Returns the run that a path belongs to, and the checkpoints that it stands for, the newest first.

    Args:
        path: the directory of a run, its `checkpoints` or `best`, or a checkpoint in one of them.

    Raises:
        UserError: it is none of them.
    """
    if not path.is_dir():
        raise UserError(f"{path}: no such directory; give the directory of a run")
    full, folders = path.absolute(), (CHECKPOINTS, BEST)
    if full.name in folders:
        return (run := RunDirectory(full.parent)), run.checkpoints(full.name)
    if full.parent.name in folders and full.name.isdecimal():
        return RunDirectory(full.parent.parent), [path]
    if (path / HYDRA).is_dir() or (path / CHECKPOINTS).is_dir():
        return (run := RunDirectory(path)), run.checkpoints()
    raise UserError(f"{path}: no checkpoints there; give the directory of a run")


def set_aside(checkpoint: Path) -> Path:
    """Renames a checkpoint that cannot be used, so that it is neither read again nor replaced.

    Returns:
        Where it is now.
    """
    beside, count = checkpoint.with_name(checkpoint.name + _DAMAGED), 1
    while beside.exists():
        beside, count = checkpoint.with_name(f"{checkpoint.name}{_DAMAGED}.{count}"), count + 1
    return checkpoint.rename(beside)


def is_set_aside(path: Path) -> bool:
    """Whether `set_aside` has given a path its name."""
    return _DAMAGED in path.name


def headline(summary: Mapping[str, Any]) -> tuple[str, float | None]:
    """Returns the name and the value of the test metric that a run is judged by."""
    metric = summary.get("metric", "accuracy")
    return metric.replace("_", " "), summary.get(f"test_{metric}")


def run_key(config: DictConfig) -> str:
    """Returns a hash of all settings that can change what a run finds; see `effective_settings`.

    Args:
        config: the composed config.

    Returns:
        16 hexadecimal digits.

    >>> from omegaconf import OmegaConf
    >>> config = OmegaConf.create({"sort": {"implementation": "manual"}, "model": {"name": "maxpool"}})
    >>> other = OmegaConf.create({"sort": {"implementation": "builtin"}, "model": {"name": "maxpool"}})
    >>> run_key(config) == run_key(other)
    True
    """
    text = json.dumps(effective_settings(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def effective_settings(config: DictConfig) -> dict[str, Any]:
    """Returns the settings that can change what a run finds, resolved, by dotted key.

    Left out are where data lie, how often a run is saved, the logger, and the sort where the model does not
    sort; and what is null, so that a setting that comes new changes no run that leaves it alone. What is not
    in the config is not here either: the code, the device.
    """
    return {
        key: value
        for key, value in flat(OmegaConf.to_container(config, resolve=True)).items()
        if value not in (None, _AS_BEFORE.get(key))
        and not any(f"{key}.".startswith(f"{left_out}.") for left_out in _WITHOUT_EFFECT)
    }


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the values of nested dictionaries by dotted key; an empty dictionary is a value.

    >>> flat({"model": {"k": 3}, "seed": 0})
    {'model.k': 3, 'seed': 0}
    """
    found: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
