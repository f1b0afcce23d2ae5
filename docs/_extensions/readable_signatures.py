"""Signatures as people write them: unions by their names, layers as they are made."""

from inspect import Parameter
from typing import Any

import jax.typing
from flax import linen, nnx
from sphinx.application import Sphinx
from sphinx.util import inspect
from sphinx.util.typing import stringify_annotation

from diffsort import implementations


def setup(app: Sphinx) -> dict[str, Any]:
    """Connects to autodoc."""
    app.connect("autodoc-process-signature", _shorten)
    return {"parallel_read_safe": True}


# Unions that have a name of their own.
_NAMES = {
    stringify_annotation(union, "smart"): name
    for name, union in (
        ("ArrayLike", jax.typing.ArrayLike),
        ("DTypeLike", jax.typing.DTypeLike),
        ("ImplementationLike", implementations.ImplementationLike),
    )
}


def _shorten(*event: Any) -> tuple[str | None, str | None]:
    """Calls unions by their names, and gives a layer the signature of its constructor, without types."""
    _, what, _, documented, _, signature, returns = event
    if what == "class" and issubclass(documented, nnx.Module | linen.Module):
        signature = _constructor(documented)
    for union, name in _NAMES.items():
        signature = signature and signature.replace(union, name)
        returns = returns and returns.replace(union, name)
    return signature, returns


def _constructor(layer: type) -> str:
    constructor = inspect.signature(layer.__init__, bound_method=True)
    parameters = [
        parameter.replace(annotation=parameter.empty, default=_Default.of(parameter))
        for name, parameter in constructor.parameters.items()
        if name not in ("parent", "name")  # of every Linen module
    ]
    return str(constructor.replace(parameters=parameters, return_annotation=constructor.empty))


class _Default(str):
    """A default as a signature shows it: functions as three dots, classes by their names."""

    @classmethod
    def of(cls, parameter: Parameter) -> Any:
        default = parameter.default
        if default is parameter.empty:
            return default
        shown = getattr(default, "__name__", None) if isinstance(default, type) else repr(default)
        return cls("..." if shown is None or not shown.isprintable() or "<" in shown else shown)

    __repr__ = str.__str__
