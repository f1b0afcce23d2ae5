"""A job: a run directory in which a run begins, goes on, or is found finished. Needs JAX only to train."""

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from experiments.errors import UserError
from experiments.files import write_bytes
from experiments.run_directory import (
    LAUNCH,
    METRICS_FILE,
    RunDirectory,
    effective_settings,
    flat,
    locate,
    run_key,
    runs_below,
)
from experiments.sort_schema import sort_name
from experiments.training.distributed import decided, kept_by_all, owned_by_first, restored_by_all
from experiments.training.signals import Stopped
from experiments.training.writing import reported

if TYPE_CHECKING:
    from experiments.training.checkpoints import Restored
    from experiments.training.steps import TrainState

_KEPT = ("seed", "model", "task", "data", "optimizer")  # of a run that goes on
# May be anything at any time.
_FREE = (
    "data.directory",
    "data.in_memory",
    "trainer.resume",
    "trainer.overwrite",
)
_MOST_TOLD = 3


def run_job(config: DictConfig, hydra: Any, output: Path, sweep: Path | None = None) -> dict[str, Any]:
    """Trains as configured in a run directory, unless that has been done, and says what it does.

    - A directory without a run: one begins.
    - An unfinished run of this config: it goes on from its newest checkpoint.
    - A finished one: nothing is done. One elsewhere in the sweep: its results are copied.
    - A run of another config: refused, unless `trainer.resume` names it, or `trainer.overwrite` is set.

    Nothing is written, nor removed, before everything that can be a mistake of the user's has been checked.

    Args:
        config: the composed config, without Hydra's part.
        hydra: Hydra's part, as `HydraConfig.get()` returns it.
        output: the directory of the run; made if need be.
        sweep: the directory of the sweep that it belongs to; None for a run by itself.

    Returns:
        The summary, as in `summary.json`.

    Raises:
        UserError: the config asks for something that cannot be, or the directory is not free for it.
    """
    job = Job(config, hydra, output, sweep)
    return decided(job.known_results) or job.train()


class Job:
    """A config, and the directory where it is to be carried out; the arguments are those of `run_job`."""

    def __init__(self, config: DictConfig, hydra: Any, output: Path, sweep: Path | None) -> None:
        self._run, self._config, self._hydra, self._sweep = RunDirectory(output), config, hydra, sweep
        self._overwrite = config.trainer.get("overwrite", False)
        self._resume = None if config.trainer.resume is None else Path(config.trainer.resume)
        inside = output.resolve()
        self._in_place = self._resume is not None and self._resume.resolve().is_relative_to(inside)
        if self._in_place:  # then that of the run stays, which may have begun with another
            self._config = config.copy()
            self._config.trainer.resume = OmegaConf.select(self._run.config(), "trainer.resume")
            if self._overwrite:
                raise UserError(
                    f"trainer.overwrite=true would remove trainer.resume={self._resume}; choose one"
                )

    def known_results(self) -> dict[str, Any] | None:
        """Returns the summary if this run is finished, or an equal one of the sweep, whose results it takes.

        Raises:
            UserError: the directory holds another run, or another process works in it.
        """
        self._run.check()
        if self._overwrite:
            return None
        return self._done_before() or self._copy_of_equal()

    def _done_before(self) -> dict[str, Any] | None:
        if self._in_place and self._resume is not None:
            locate(self._resume)  # may not be there
            _check_goes_on(self._config, self._run)
        elif self._run.has_results:
            self._check_same()
        summary = self._run.summary()
        if summary is None or summary.get("run_key") != run_key(self._config):
            return None
        print(f"{self._run.path}: finished before; trainer.overwrite=true runs it again")
        return summary

    def _copy_of_equal(self) -> dict[str, Any] | None:
        """Copies with this run's `sort` and with `same_as`, the path from here to there."""
        key, here = run_key(self._config), self._run
        for other in runs_below(self._sweep) if self._sweep is not None else ():
            found = other.summary()
            if found is None or found.get("run_key") != key or "same_as" in found:
                continue
            if other.path.resolve() == here.path.resolve() or not (other.path / METRICS_FILE).is_file():
                continue
            path = os.path.relpath(other.path, here.path)
            summary = {**found, "sort": sort_name(self._config), "same_as": path}
            with here.owned():
                here.begin(self._config, self._hydra)
                write_bytes(here.path / METRICS_FILE, (other.path / METRICS_FILE).read_bytes())
                here.write_summary(summary)
            print(f"{here.path}: the same run as {path}, whose results it takes")
            return summary
        return None

    def train(self) -> dict[str, Any]:
        """Trains, from where there is something to go on from; returns the summary."""
        try:
            summary = self._train()
        except Stopped as stopped:
            if self._run.has_results and self._sweep is None:
                self._say_how_to_go_on(f"{stopped}; to go on")
                stopped.told = True
            raise
        self._say_how_to_go_on("to train longer", f"trainer.steps={2 * self._config.trainer.steps}")
        return summary

    def _train(self) -> dict[str, Any]:
        from experiments.training.checkpoints import Restored
        from experiments.training.loggers import build_logger
        from experiments.training.setup import build_setup
        from experiments.training.train import Beginning, train

        run, config, trainer = self._run, self._config, self._config.trainer
        logger = build_logger(config, run.path)  # first: what it needs may be missing
        setup = build_setup(config)
        begin, source = Restored(0, None, {}), run
        elsewhere = decided(lambda: trainer.resume is not None and not self._own_checkpoints())
        if elsewhere:
            source, paths = locate(Path(trainer.resume))
            if not paths:
                raise UserError(f"trainer.resume={trainer.resume}: no checkpoint there yet")
            begin = restored_by_all(lambda paths: self._restore(source, paths, setup.shapes), paths)
        with reported(run), owned_by_first(run):
            if not self._overwrite and (summary := decided(self._done_before)) is not None:  # meanwhile
                return summary
            if not elsewhere and decided(lambda: bool(self._own_checkpoints())):
                paths = self._own_checkpoints()
                begin = restored_by_all(lambda paths: self._restore(run, paths, setup.shapes), paths)
            elif not elsewhere and not self._overwrite and run.has_results:
                _say(f"{run.path}: no checkpoint yet, starts anew")
            with logger:
                if self._overwrite:
                    decided(run.clear)
                decided(lambda: run.begin(config, self._hydra))
                rows = kept_by_all(run, begin.step, source)
                beginning = Beginning(begin.step, begin.state, rows, begin.extra)
                return train(config, run, setup, beginning, logger)

    def _own_checkpoints(self) -> list[Path]:
        """What there is in the directory to go on from, the newest first."""
        if self._overwrite:
            return []
        return locate(self._resume)[1] if self._in_place and self._resume else self._run.checkpoints()

    def _restore(self, source: RunDirectory, paths: Sequence[Path], like: "TrainState") -> "Restored":
        """Returns what to go on from, and says what that is."""
        from experiments.training.checkpoints import restore

        told = _check_goes_on(self._config, source)
        restored = restore(paths, like, mend=source is self._run)
        steps = self._config.trainer.steps
        if restored.step > steps:
            raise UserError(f"trainer.steps={steps} is less than the {restored.step} of {source.path}")
        _say(f"goes on from {source.path} at step {restored.step}{told}")
        return restored

    def _check_same(self) -> None:
        run, config = self._run, self._config
        ways = "trainer.overwrite=true replaces it, hydra.run.dir=ANOTHER leaves it alone"
        if not run.is_run:
            raise UserError(f"{run.path}: holds results of something else, without a config; {ways}")
        differing = _differing(effective_settings(run.config()), effective_settings(config))
        if differing:
            ways = f"trainer.resume={run.path} goes on from it, {ways}"
            raise UserError(f"{run.path}: holds another run ({_there_and_here(differing)}); {ways}")

    def _say_how_to_go_on(self, why: str, *more: str) -> None:
        if self._sweep is not None:  # the same command goes on with all of it
            return
        path = str(self._run.path)
        if not re.fullmatch(r"[\w/.+-]+", path):
            path = "'" + path.replace("'", r"\'") + "'"  # as Hydra reads it
        words = ["python", "scripts/train.py", f"trainer.resume={path}", f"hydra.run.dir={path}", *more]
        _say(f"{why}: {shlex.join(words)}")


def _check_goes_on(config: DictConfig, source: RunDirectory) -> str:
    """Returns what differs from the run that is gone on from, to be told.

    Raises:
        UserError: something differs that cannot.
    """
    there, here = source.config(), config
    differing = _differing(_settings(there), _settings(here))
    in_effect = _differing(_settings(there, resolve=True), _settings(here, resolve=True))
    wrong = {
        key: values for key, values in in_effect.items() if key.split(".")[0] in _KEPT and key in differing
    }
    if wrong:
        sections = dict.fromkeys(key.split(".")[0] for key in wrong)
        raise UserError(
            f"trainer.resume={source.path}: cannot go on with another {', '.join(sections)} "
            f"({_there_and_here(wrong)}); leave that as it was, or begin a new run"
        )
    return "".join(f"; {key}={_shown(new)} (was {_shown(old)})" for key, (old, new) in differing.items())


def _settings(config: DictConfig, resolve: bool = False) -> dict[str, Any]:
    settings = flat(OmegaConf.to_container(config, resolve=resolve))
    return {key: value for key, value in settings.items() if not {key, key.split(".")[0]} & {*_FREE, *LAUNCH}}


def _differing(there: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The settings that are not the same, as they are there and here; null is the same as none."""
    both = {key: (there.get(key), here.get(key)) for key in {**there, **here}}
    return {key: values for key, values in both.items() if values[0] != values[1]}


def _there_and_here(differing: Mapping[str, tuple[Any, Any]]) -> str:
    told = [f"{key}={_shown(there)}, here {_shown(here)}" for key, (there, here) in differing.items()]
    return "; ".join(told[:_MOST_TOLD]) + ("; …" if len(told) > _MOST_TOLD else "")


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
