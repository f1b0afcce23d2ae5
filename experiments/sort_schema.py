"""The choices of `sort=`: exact sorts by their names, relaxed ones with their settings as keys."""

from dataclasses import dataclass, field, make_dataclass
from typing import Any

from omegaconf import MISSING, DictConfig

# The exact choices of `sort=`, which are names of diffsort's `implementation=`.
_EXACT = (
    "manual",  # the derivative written by hand, on the fastest engine for the platform
    "manual:native",  # on the compiled kernel for CPUs; refused where there is none
    "manual:xla",  # on the portable engine
    "builtin",  # jax.numpy.sort with JAX's own derivative
    "double_argsort",  # the article's formula: the inverse permutation is the argsort of the argsort
)
# The relaxed ones, for what needs no permutation: the class in diffsort.soft, what is fixed, and the keys of
# `sort`, of which the first is annealed as `sort.schedule` says. Before each name there may be
# `straight_through_`: exact values with the gradient of the relaxed sort.
_NETWORK = {"steepness": 10.0, "activation": "logistic", "standardize": False}
_TEMPERATURE = {"temperature": 0.1, "standardize": False}
_RELAXED: dict[str, tuple[str, dict[str, str], dict[str, Any]]] = {
    "softsort": ("SoftSort", {}, _TEMPERATURE),
    "neuralsort": ("NeuralSort", {}, _TEMPERATURE),
    "odd_even": ("SortingNetwork", {"kind": "odd_even"}, _NETWORK),
    "bitonic": ("SortingNetwork", {"kind": "bitonic"}, _NETWORK),
    "permutahedron": (
        *("Permutahedron", {}),
        {"strength": 0.1, "regularization": "l2", "standardize": False},
    ),
    "lapsum": ("LapSum", {}, _TEMPERATURE),
    # It needs ott-jax. A second or two a step of 32 sets on 2 CPU cores: a try-out.
    "ott": ("Transport", {}, {"epsilon": 0.01}),
}
_STRAIGHT_THROUGH = "straight_through_"
_NOT_ANNEALED = ("epsilon",)
SORTS = (*_EXACT, *_RELAXED, *(_STRAIGHT_THROUGH + name for name in _RELAXED))


@dataclass
class Sort:
    """Which implementation of the sort a model, a loss or a reduction is built with.

    Attributes:
        implementation: a name, or what makes a relaxed sort.
        name: of a relaxed sort, as diffsort has it; None where `implementation` is the name.
    """

    implementation: Any = MISSING
    name: str | None = None


@dataclass
class Schedule:
    """How the first setting of a relaxed sort, as its temperature, changes over the steps.

    Attributes:
        final: the value after the last step, as a fraction of the first; 1 leaves it as it is.
        schedule: how it goes there: exponential, linear or cosine.
    """

    final: float = 1.0
    schedule: str = "exponential"


def sort_choice(choice: str) -> Any:
    """Returns what Hydra's ConfigStore is to have for a choice of `sort=`."""
    return Sort(implementation=choice) if choice in _EXACT else _relaxed_sort(choice)


def sort_name(config: DictConfig) -> str:
    """Returns the name of the sort that a config asks for.

    >>> from omegaconf import OmegaConf
    >>> sort_name(OmegaConf.create({"sort": {"implementation": "manual", "name": None}}))
    'manual'
    >>> sort_name(OmegaConf.create({"sort": {"implementation": {"_target_": "my.sort"}, "name": "softsort"}}))
    'softsort'
    """
    implementation = config.sort.implementation
    if isinstance(implementation, str):
        return implementation
    return str(config.sort.get("name") or implementation.get("_target_"))


def findable(declared: type) -> type:
    """Returns a class that was made here, after making it known to processes that get one of its objects."""
    declared.__module__ = __name__
    globals()[declared.__name__] = declared
    return declared


def _relaxed_sort(choice: str) -> type:
    """Declares a choice of `sort=`: its keys, and how a relaxed sort is made of them."""
    name = choice.removeprefix(_STRAIGHT_THROUGH)
    target, fixed, keys = _RELAXED[name]
    arguments: dict[str, Any] = {**fixed, **{key: f"${{sort.{key}}}" for key in keys}}
    first = next(iter(keys))
    is_annealed = first not in _NOT_ANNEALED
    if is_annealed:
        arguments[first] = _filled(
            f"Annealed_{choice}",
            _target_="experiments.training.annealing.annealed",
            begin=arguments[first],
            final="${sort.final}",
            schedule="${sort.schedule}",
            steps="${trainer.steps}",
        )
    made = _filled(f"Method_{choice}", _target_=f"diffsort.soft.{target}", **arguments)
    if name != choice:
        made = _filled(f"Through_{choice}", _target_="diffsort.soft.StraightThrough", method=made)
    bases = (Sort, Schedule) if is_annealed else (Sort,)
    shown = name if name == choice else f"straight_through:{name}"
    return _filled(f"Sort_{choice}", *bases, implementation=made, name=shown, **keys)


def _filled(name: str, /, *bases: type, **values: Any) -> type:
    """Makes a dataclass of what has a default; a class is the default of a section."""

    def one(key: str, value: Any) -> tuple[str, Any, Any]:
        if isinstance(value, type):
            return key, Any, field(default_factory=value)
        refers = isinstance(value, str) and value.startswith("${")  # to something of whatever type
        return key, Any if refers else type(value), value

    return findable(make_dataclass(name, [one(*item) for item in values.items()], bases=bases))
