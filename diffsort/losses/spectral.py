"""Spectral risk measures: the losses in order, weighed by a spectrum."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from diffsort.implementations import ImplementationLike
from diffsort.losses.spectra import Spectrum, Superquantile
from diffsort.statistics._ranked import Ranked, statistic
from diffsort.statistics.means import tail_mean


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
            dataclass, not a new lambda each time. If it has a method `weights(k, n)`, that tells the weights
            instead, and need not subtract nearly equal numbers.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        where: boolean mask, broadcastable to `losses`; n counts the unmasked losses.
        implementation: as in `diffsort.sort`.

    Returns:
        The risk, of the shape of `losses` without `axis`; NaN where a loss is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `losses` is not real, `where` not boolean, or `spectrum` no function, or not hashable.
        ValueError: `spectrum` does not go from 0 to 1; `axis`, `where` or `implementation` does not fit.

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
        return elements.weighed(weights(k, n))
    return elements.weighed(spectrum(jnp.minimum((k + 1) / n, 1)) - spectrum(jnp.minimum(k / n, 1)))


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
