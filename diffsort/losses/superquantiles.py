"""The conditional value at risk of per-example losses, as it is or smoothed."""

import math

import jax
from jax.typing import ArrayLike

from diffsort._arguments import fraction, probability
from diffsort.implementations import ImplementationLike
from diffsort.losses._smoothing import smoothed_superquantile
from diffsort.statistics._ranked import statistic
from diffsort.statistics.means import tail_mean


def cvar(
    losses: ArrayLike,
    level: float | jax.Array,
    axis: int | tuple[int, ...] | None = -1,
    *,
    keepdims: bool = False,
    smoothing: float = 0.0,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Returns the conditional value at risk: the mean of the largest losses, a proportion 1 − α of them.

    It is the worst weighted mean, $\max_q \langle q, \ell \rangle$ over the weights
    $0 \le q_i \le \frac{1}{n (1 - \alpha)}$ of sum 1. Smoothed, it is

    $$\max_q \; \langle q, \ell \rangle - \frac{n \nu}{2} \Big\| q - \frac{1}{n} \Big\|^2 .$$

    That maximum is found exactly: $n q_i = \min(\max(1 + (\ell_i - \eta) / \nu, 0), \frac{1}{1 - \alpha})$,
    where a search among the sorted losses tells which of the three pieces each lies on, and η follows. The
    gradient is q, which is continuous, and the Hessian is that of q. With ν → 0 it becomes
    `diffsort.superquantile`, with ν → ∞ the mean, and it lies between the two, less than
    $\frac{\nu \alpha}{2 (1 - \alpha)}$ below the former.

    Args:
        losses: one for each example, real; integers are taken as floats, as by jax.numpy.mean.
        level: α, 0 ≤ α < 1. At 0 it is the mean, towards 1 the maximum. It may be traced, as that of a
            schedule is, and is then not checked.
        axis: the axis or axes to reduce; None reduces all.
        keepdims: leave the reduced axes in, with length 1.
        smoothing: ν ≥ 0, in the units of the losses; 0 does not smooth. The penalty is scaled with n, so that
            a value does the same for every number of losses.
        where: boolean mask, broadcastable to `losses`; n counts the unmasked losses.
        implementation: as in `diffsort.sort`.

    Returns:
        The value, of the shape of `losses` without `axis`; NaN where a loss is NaN,
        and of an axis of length 0; 0 where all are masked.

    Raises:
        TypeError: `losses` is not real, `where` not boolean, `level` no number, or `smoothing`
            no Python number.
        ValueError: `level`, `smoothing`, `axis`, `where` or `implementation` does not fit.

    Source: R. T. Rockafellar and S. Uryasev, Conditional value-at-risk for general loss distributions, 2002;
    smoothed: Y. Laguel, K. Pillutla, J. Malick, Z. Harchaoui, Superquantiles at Work: Machine Learning
    Applications and Efficient Subgradient Computation, 2021.

    >>> import jax, jax.numpy as jnp
    >>> losses = jnp.array([1., 4., 3., 2.])
    >>> cvar(losses, 0.5)
    Array(3.5, dtype=float32)
    >>> cvar(losses, 0.5, smoothing=2.)
    Array(2.8125, dtype=float32)
    >>> jax.grad(lambda x: cvar(x, 0.5, smoothing=2.))(losses)
    Array([0.0625, 0.4375, 0.3125, 0.1875], dtype=float32)
    """
    level = probability(level, "level")
    smoothing = fraction(smoothing, "smoothing", 0, math.inf)
    function, *arguments = (smoothed_superquantile, smoothing, level) if smoothing else (tail_mean, level)
    return statistic(
        function, losses, axis, where, implementation, *arguments, keepdims=keepdims, name="losses"
    )
