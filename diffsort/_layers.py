"""Checks shared by the layers of both Flax APIs, and by the functions underneath."""

from typing import Literal, get_args

import jax

Reduction = Literal["sum", "mean"]


def known_reduction(reduction: Reduction) -> Reduction:
    """Returns `reduction`.

    Raises:
        ValueError: there is none of that name.
    """
    if reduction not in get_args(Reduction):
        raise ValueError(f"reduction={reduction!r} is neither 'sum' nor 'mean'.")
    return reduction


def require_features(x: jax.Array, features: int, layer: object) -> None:
    """Checks that the last axis of `x` is as long as the parameters of a layer expect.

    Raises:
        ValueError: it is not.
    """
    found = require_an_axis(x).shape[-1]
    if found != features:
        name = type(layer).__name__
        raise ValueError(f"x has {found} features in its last axis, but this {name} was made for {features}.")


def require_an_axis(x: jax.Array) -> jax.Array:
    """Returns `x`.

    Raises:
        ValueError: it is a scalar.
    """
    if x.ndim == 0:
        raise ValueError("x is a scalar; expected features in its last axis.")
    return x
