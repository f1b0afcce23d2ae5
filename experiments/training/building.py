"""From a config to the task, the data and the model it describes."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hydra
import jax
from flax import nnx
from hydra.errors import InstantiationException
from jax import numpy as jnp
from omegaconf import DictConfig, OmegaConf

from experiments.data import Dataset, RaggedSets
from experiments.errors import UserError
from experiments.hydra_versions import INSTANTIATE
from experiments.tasks import Task
from experiments.training.annealing import at_step


def build_task(config: DictConfig) -> Task:
    """Returns the task with its loss and its reduction.

    Raises:
        UserError: they do not fit each other, or their settings.
    """
    reduction = _made(config.reduction)
    try:
        jax.eval_shape(at_step(reduction, 0), jax.ShapeDtypeStruct((config.trainer.batch_size,), jnp.float32))
    except (TypeError, ValueError) as error:
        raise UserError(f"reduction: {error}") from error
    with _settings_of("task", config):
        return constructor(_without_name(config.task))(loss=_made(config.loss), reduction=reduction)


def build_data(config: DictConfig, task: Task) -> Dataset:
    """Returns the data, which differ from seed to seed where they are drawn at random.

    Raises:
        UserError: there are none, or the task cannot use them.
    """
    with _settings_of("data", config):
        data: Dataset = constructor(config.data)(seed=config.seed)
    if not issubclass(data.train.kind, task.kinds):
        if data.train.kind is RaggedSets:
            raise UserError(f"data.ragged=true: not for task={config.task.name}; write data.ragged=false")
        wanted = " or ".join(kind.__name__ for kind in task.kinds)
        raise UserError(
            f"data={data.name}: task={config.task.name} needs {wanted}, not {data.train.kind.__name__}; "
            "the configs in configs/data say what they hold."
        )
    return data


def build_model(
    config: DictConfig, data: Dataset, task: Task, *, abstract: bool = False
) -> tuple[nnx.GraphDef, nnx.State]:
    """Returns the model's structure and its parameters at initialisation.

    Args:
        config: the composed config.
        data: what the model must fit.
        task: likewise.
        abstract: whether the shapes of the parameters will do, which take no time to make.

    Raises:
        UserError: the model does not fit its own settings, the data or the task.
    """
    build: Any = constructor(_without_name(config.model))
    arguments = task.model_arguments(data)
    _check_fits(config, build, arguments)
    with _settings_of("model", config):

        def make() -> nnx.Module:
            model: nnx.Module = build(**arguments, rngs=nnx.Rngs(config.seed))
            return model

        return nnx.split(nnx.eval_shape(make) if abstract else make(), nnx.Param)


def constructor(config: DictConfig | dict[str, Any]) -> Callable[..., Any]:
    """Returns what `_target_` names, with the config's settings filled in.

    Objects are passed to what it returns, not to Hydra, which takes some of them for configs.

    Raises:
        UserError: something within has a setting that it refuses.
    """
    try:
        made: Callable[..., Any] = hydra.utils.instantiate(
            config, _partial_=True, _convert_="all", **INSTANTIATE
        )
    except InstantiationException as error:
        if isinstance(error.__cause__, (TypeError, ValueError)):  # a setting within was refused
            raise UserError(f"{error.__cause__}") from error
        raise
    return made


@contextmanager
def _settings_of(group: str, config: DictConfig) -> Iterator[None]:
    """Tells of a setting that the constructor's own checks refuse."""
    try:
        yield
    except UserError:
        raise
    except ValueError as error:
        raise UserError(f"{group}={config[group].name}: {error}") from error


def _check_fits(config: DictConfig, build: Any, arguments: dict[str, Any]) -> None:
    """Refuses a model that is made for another task: one with other arguments."""
    takes = inspect.signature(build.func.__init__).parameters
    needed = {name for name, of in takes.items() if of.default is of.empty}
    if "ragged" in arguments.keys() - takes.keys():
        raise UserError(f"data.ragged=true: model={config.model.name} needs padding; write data.ragged=false")
    left = needed - {"self", "rngs"} - build.keywords.keys()
    if not arguments.keys() <= takes.keys() or not left <= arguments.keys():
        raise UserError(
            f"model={config.model.name}: not for task={config.task.name} with data={config.data.name}; "
            "the configs in configs/model say what they are for."
        )


def _without_name(config: DictConfig) -> dict[str, Any]:
    """The settings without the name, which is for people."""
    settings: Any = OmegaConf.to_container(config, resolve=True)
    del settings["name"]
    return settings


def _made(config: DictConfig) -> Any:
    """A function with its settings filled in, or the object that a class makes of them."""
    made: Any = constructor(config)
    return made() if inspect.isclass(made.func) else made
