"""Spectral risk measures: the losses in order, weighed by a spectrum."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import number_in
from diffsort._ranked import Ranked, statistic, tail_mean
from diffsort.implementations import ImplementationLike

__all__ = ["esrm_spectrum", "extremile_spectrum", "spectral_risk", "superquantile_spectrum"]

Spectrum = Callable[[jax.Array], jax.Array]


def spectral_risk(
    losses: ArrayLike,
    spectrum: Spectrum,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the spectral risk $\sum_k w_k \ell_{(k)}$ with $w_k = S(\frac{k+1}{n}) - S(\frac{k}{n})$.

    $\ell_{(k)}$ is the k-th smallest loss, and S(u) the weight of the proportion u of the smallest. Where S
    is convex the risk is coherent: the larger a loss, the larger its weight.

    Args:
        losses: one for each example, real; integers are taken as floats, as by jax.numpy.mean.
        spectrum: S, from S(0) = 0 to S(1) = 1: `superquantile_spectrum`, `extremile_spectrum`,
            `esrm_spectrum`, or a function of one's own. It is given arrays in the dtype of the computation,
            and is hashed, so that what is compiled for it is found again: a module's function or a frozen
            dataclass, not a new lambda each time. If it has a method `weights(k, n)`, that returns the
            weights instead, without subtracting nearly equal numbers.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `losses`; n counts the unmasked losses.
        implementation: as in `diffsort.sort`.

    Returns:
        The risk, of the shape of `losses` without `axis`; NaN where a loss is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `spectrum` is not a function, or not hashable.
        ValueError: `spectrum` does not go from 0 to 1.

    Source: C. Acerbi, Spectral measures of risk: a coherent representation of subjective risk aversion, 2002;
    R. Mehta, V. Roulet, K. Pillutla, L. Liu, Z. Harchaoui, Stochastic optimization for spectral risk
    measures, AISTATS 2023.

    >>> import jax.numpy as jnp
    >>> from diffsort.losses import extremile_spectrum
    >>> spectral_risk(jnp.array([4., 0.]), extremile_spectrum(2.))  # the mean of the maxima 4, 4, 4 and 0
    Array(3., dtype=float32)
    """
    if not callable(spectrum):
        raise TypeError(f"spectrum must be a function of [0, 1], not {spectrum!r}.")
    try:
        hash(spectrum)
    except TypeError:
        raise TypeError(
            f"spectrum {spectrum!r} is not hashable: make it a function, or a dataclass with frozen=True."
        ) from None
    return statistic(_risk, losses, axis, where, implementation, spectrum, keepdims=keepdims, name="losses")


def _risk(elements: Ranked, spectrum: Spectrum) -> jax.Array:
    if isinstance(spectrum, Superquantile):
        return tail_mean(elements, spectrum.level)
    _check_ends(spectrum, elements.values.dtype)
    k, n = elements.in_float(elements.position), elements.in_float(jnp.maximum(elements.count, 1))
    weights = getattr(spectrum, "weights", None)
    if weights is not None:
        return elements.weigh(weights(k, n))
    return elements.weigh(spectrum(jnp.minimum((k + 1) / n, 1)) - spectrum(jnp.minimum(k / n, 1)))


def _check_ends(spectrum: Spectrum, dtype: jnp.dtype) -> None:
    with jax.ensure_compile_time_eval():
        ends = [spectrum(jnp.asarray(u, dtype)) for u in (0, 1)]
    if any(isinstance(end, jax.core.Tracer) for end in ends):
        return  # it has parameters that are being traced
    first, last = (float(end) for end in ends)
    if not (abs(first) < 1e-3 and abs(last - 1) < 1e-3):
        raise ValueError(
            f"spectrum goes from {first:.4g} to {last:.4g}, not from 0 to 1: give the integral of the "
            "weights over [0, u], not their density."
        )


def superquantile_spectrum(level: float) -> Spectrum:
    r"""Returns the spectrum of the superquantile, $S(u) = \max(u - \alpha, 0) / (1 - \alpha)$.

    Args:
        level: α, 0 ≤ α < 1.

    Returns:
        A spectrum for `spectral_risk`. Spectra of the same level are equal.

    Raises:
        TypeError: `level` is not a Python number.
        ValueError: `level` is outside [0, 1).

    Source: C. Acerbi, Spectral measures of risk: a coherent representation of subjective risk aversion, 2002.

    >>> import jax.numpy as jnp
    >>> superquantile_spectrum(0.5)(jnp.array([0.5, 0.75, 1.]))
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    return Superquantile(number_in(level, "level", 0, 1))


def extremile_spectrum(r: float) -> Spectrum:
    r"""Returns the spectrum of the extremile, $S(u) = u^r$.

    Its risk is the expected maximum of r losses drawn with replacement. The extremile of order τ ≥ 1/2 has
    $r = \log(1/2) / \log \tau$.

    Args:
        r: how many are drawn, not necessarily a whole number; r ≥ 1. At 1 the risk is the mean.

    Returns:
        A spectrum for `spectral_risk`. Spectra of the same r are equal.

    Raises:
        TypeError: `r` is not a Python number.
        ValueError: `r` is less than 1 or infinite.

    Source: A. Daouia, I. Gijbels, G. Stupfler, Extremiles: a new perspective on asymmetric least squares,
    2019; R. Mehta, V. Roulet, K. Pillutla, L. Liu, Z. Harchaoui, Stochastic optimization for spectral risk
    measures, AISTATS 2023.

    >>> import jax.numpy as jnp
    >>> extremile_spectrum(2)(jnp.array([0.5, 1.]))
    Array([0.25, 1.  ], dtype=float32)
    """
    return Extremile(number_in(r, "r", 1, math.inf))


def esrm_spectrum(rho: float) -> Spectrum:
    r"""Returns the spectrum of the exponential risk measure, $S(u) = (e^{\rho u} - 1) / (e^\rho - 1)$.

    Args:
        rho: ρ > 0, the aversion to risk. Towards 0 the risk is the mean.

    Returns:
        A spectrum for `spectral_risk`. Spectra of the same ρ are equal.

    Raises:
        TypeError: `rho` is not a Python number.
        ValueError: `rho` is not positive, or infinite.

    Source: J. Cotter and K. Dowd, Extreme spectral risk measures: an application to futures clearinghouse
    margin requirements, 2006.

    >>> import jax.numpy as jnp
    >>> [round(float(esrm_spectrum(2.)(u)), 3) for u in jnp.array([0., 0.5, 1.])]
    [0.0, 0.269, 1.0]
    """
    # Below, its weights would not be normal numbers in float32.
    return Exponential(number_in(rho, "rho", 1e-30, math.inf))


@dataclasses.dataclass(frozen=True)
class Superquantile:
    """The spectrum of the superquantile; its risk is computed as `diffsort.superquantile`."""

    level: float

    def __call__(self, u: jax.Array) -> jax.Array:
        """Returns S(u)."""
        return jnp.maximum(u - self.level, 0) / (1 - self.level)


@dataclasses.dataclass(frozen=True)
class Extremile:
    """The spectrum of the extremile; `weights` are its differences without cancellation."""

    r: float

    def __call__(self, u: jax.Array) -> jax.Array:
        """Returns S(u)."""
        return u**self.r

    def weights(self, k: jax.Array, n: jax.Array) -> jax.Array:
        """Returns S((k+1)/n) − S(k/n), which is S((k+1)/n) (1 − (k/(k+1))^r)."""
        return self((k + 1) / jnp.maximum(n, 1)) * -jnp.expm1(self.r * jnp.log1p(-1 / (k + 1)))


@dataclasses.dataclass(frozen=True)
class Exponential:
    """The spectrum of the exponential measure; `weights` are its differences without cancellation."""

    rho: float

    def __call__(self, u: jax.Array) -> jax.Array:
        """Returns S(u), written so that nothing overflows."""
        return jnp.exp(self.rho * (u - 1)) * jnp.expm1(-self.rho * u) / math.expm1(-self.rho)

    def weights(self, k: jax.Array, n: jax.Array) -> jax.Array:
        """Returns S((k+1)/n) − S(k/n), which is e^(ρ(k+1−n)/n) (1 − e^(−ρ/n)) / (1 − e^(−ρ))."""
        n = jnp.maximum(n, 1)
        return jnp.exp(self.rho * (k + 1 - n) / n) * jnp.expm1(-self.rho / n) / math.expm1(-self.rho)
