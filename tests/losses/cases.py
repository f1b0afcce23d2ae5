"""Every loss beside an independent oracle for one row, all called the same way."""

import dataclasses
from collections.abc import Callable
from functools import partial

import jax
import numpy as np
import scipy.optimize
import scipy.stats

from diffsort import losses

Masks = tuple[np.ndarray | None, ...]


@dataclasses.dataclass(frozen=True)
class Case:
    """A loss, its arrays and masks in order.

    Attributes:
        loss: called as `loss(arrays, masks, axis, implementation)`.
        oracle: the value for one-dimensional float64 arrays.
        lengths: how long the arrays are along the axis, for each size to try.
        names: what the loss calls its arrays.
        maskable: how many of them, from the first on, take a mask.
    """

    loss: Callable[..., jax.Array]
    oracle: Callable[..., float]
    lengths: tuple[tuple[int, ...], ...] = ((5,), (10,))
    names: tuple[str, ...] = ("losses",)
    maskable: int = 1


def reducer(loss: Callable[..., jax.Array], oracle: Callable[[np.ndarray], float], **options: object) -> Case:
    """The case of a reducer of per-example losses."""

    def call(arrays: tuple, masks: Masks, axis: int, implementation: str) -> jax.Array:
        return loss(arrays[0], axis=axis, where=masks[0], implementation=implementation, **options)

    return Case(call, oracle)


def smoothed_cvar(level: float, smoothing: float, x: np.ndarray) -> float:
    """By the one equation that η solves, and a root finder."""
    cap = 1 / (1 - level)

    def weights(eta: float) -> np.ndarray:
        return np.clip(1 + (x - eta) / smoothing, 0, cap)

    ends = x.min() - cap * smoothing, x.max() + smoothing
    eta = scipy.optimize.brentq(lambda eta: weights(eta).mean() - 1, *ends, xtol=1e-15, rtol=1e-15)
    w = weights(eta)
    return float((w * x).mean() - smoothing / 2 * ((w - 1) ** 2).mean())


def worst_weighted_mean(level: float, x: np.ndarray) -> float:
    """The cvar as the linear program that defines it."""
    solved = scipy.optimize.linprog(
        -x, A_eq=np.ones((1, x.size)), b_eq=[1], bounds=(0, 1 / (x.size * (1 - level)))
    )
    return float(-solved.fun)


def maximum_of_draws(draws: int, x: np.ndarray) -> float:
    """The mean of the maxima of all ways to draw so many."""
    return float(np.stack(np.meshgrid(*[x] * draws)).max(0).mean())


def exponential_risk(rho: float, x: np.ndarray) -> float:
    """By integrating the density of the spectrum over the empirical quantile function."""
    density = scipy.stats.truncexpon(b=rho, scale=1 / rho).pdf  # of 1 − u
    edges = np.linspace(0, 1, x.size + 1)
    parts = zip(edges[:-1], edges[1:], np.sort(x), strict=True)
    return float(sum(scipy.integrate.quad(lambda u: density(1 - u), a, b)[0] * v for a, b, v in parts))


def mean_of_largest(start: int, stop: int, x: np.ndarray) -> float:
    return float(np.mean(sorted(x, reverse=True)[start:stop]))


def square(u: jax.Array) -> jax.Array:
    return u * u


CASES = {
    **{
        f"cvar {level}": reducer(losses.cvar, partial(worst_weighted_mean, level), level=level)
        for level in (0.0, 0.77)
    },
    **{
        f"cvar {level} smoothed {smoothing}": reducer(
            losses.cvar, partial(smoothed_cvar, level, smoothing), level=level, smoothing=smoothing
        )
        for level, smoothing in ((0.3, 0.05), (0.77, 1.0))
    },
    "average_top_k": reducer(losses.average_top_k, partial(mean_of_largest, 0, 3), k=3),
    "average_top_k of too few": reducer(losses.average_top_k, np.mean, k=30),
    "ranked_range": reducer(losses.ranked_range, partial(mean_of_largest, 1, 4), k=4, m=1),
    "trimmed": reducer(losses.trimmed, lambda x: np.sort(x)[: x.size - x.size // 5].mean(), proportion=0.2),
    "superquantile spectrum": reducer(
        losses.spectral_risk, partial(worst_weighted_mean, 0.4), spectrum=losses.superquantile_spectrum(0.4)
    ),
    "extremile spectrum": reducer(
        losses.spectral_risk, partial(maximum_of_draws, 3), spectrum=losses.extremile_spectrum(3)
    ),
    "exponential spectrum": reducer(
        losses.spectral_risk, partial(exponential_risk, 2.5), spectrum=losses.esrm_spectrum(2.5)
    ),
    "a spectrum of one's own": reducer(losses.spectral_risk, partial(maximum_of_draws, 2), spectrum=square),
}
