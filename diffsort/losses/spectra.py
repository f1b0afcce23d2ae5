"""Spectra of risk measures: how much weight the smallest losses have together."""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from diffsort._arguments import fraction

Spectrum = Callable[[jax.Array], jax.Array]


def superquantile_spectrum(level: float) -> Spectrum:
    r"""Returns the spectrum of the superquantile, $S(u) = \max(u - \alpha, 0) / (1 - \alpha)$.

    Args:
        level: α, 0 ≤ α < 1.

    Returns:
        A spectrum for `spectral_risk`. Spectra of the same level are equal.

    Raises:
        TypeError: `level` is no Python number.
        ValueError: `level` is out of range.

    Source: C. Acerbi, Spectral measures of risk: a coherent representation of subjective risk aversion, 2002.

    >>> import jax.numpy as jnp
    >>> superquantile_spectrum(0.5)(jnp.array([0.5, 0.75, 1.]))
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    return Superquantile(fraction(level, "level", 0, 1))


def extremile_spectrum(r: float) -> Spectrum:
    r"""Returns the spectrum of the extremile, $S(u) = u^r$.

    Its risk is the expected maximum of r losses drawn with replacement. The extremile of order τ ≥ 1/2 has
    $r = \log(1/2) / \log \tau$.

    Args:
        r: how many are drawn, not necessarily a whole number; r ≥ 1. At 1 the risk is the mean.

    Returns:
        A spectrum for `spectral_risk`. Spectra of the same r are equal.

    Raises:
        TypeError: `r` is no Python number.
        ValueError: `r` is out of range.

    Source: A. Daouia, I. Gijbels, G. Stupfler, Extremiles: a new perspective on asymmetric least squares,
    2019; R. Mehta, V. Roulet, K. Pillutla, L. Liu, Z. Harchaoui, Stochastic optimization for spectral risk
    measures, AISTATS 2023.

    >>> import jax.numpy as jnp
    >>> extremile_spectrum(2)(jnp.array([0.5, 1.]))
    Array([0.25, 1.  ], dtype=float32)
    """
    return Extremile(fraction(r, "r", 1, math.inf))


def esrm_spectrum(rho: float) -> Spectrum:
    r"""Returns the spectrum of the exponential risk measure, $S(u) = (e^{\rho u} - 1) / (e^\rho - 1)$.

    Args:
        rho: ρ > 0, the aversion to risk. Towards 0 the risk is the mean.

    Returns:
        A spectrum for `spectral_risk`. Spectra of the same ρ are equal.

    Raises:
        TypeError: `rho` is no Python number.
        ValueError: `rho` is out of range.

    Source: J. Cotter and K. Dowd, Extreme spectral risk measures: an application to futures clearinghouse
    margin requirements, 2006.

    >>> import jax.numpy as jnp
    >>> [round(float(esrm_spectrum(2.)(u)), 3) for u in jnp.array([0., 0.5, 1.])]
    [0.0, 0.269, 1.0]
    """
    # Below, its weights would not be normal numbers in float32.
    return Exponential(fraction(rho, "rho", 1e-30, math.inf))


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
