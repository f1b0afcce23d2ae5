"""Losses of ranks, by relaxed sorts; and the exact metrics that they stand for."""

from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from diffsort._arguments import (
    concrete,
    floating,
    integer,
    mask_like,
    real_array,
    require_positive,
)
from diffsort._sorting import count_valid, positions, sort_values
from diffsort.implementations import Chosen, ImplementationLike
from diffsort.losses._scores import along_rows, exact, order_of
from diffsort.soft import RelaxedSort
from diffsort.soft_ranks import soft_rank, top_k_mask

__all__ = [
    "ndcg",
    "ndcg_loss",
    "spearman_correlation",
    "spearman_loss",
]

Gains = Literal["exponential", "linear"]


def spearman_loss(
    predictions: ArrayLike,
    targets: ArrayLike,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "lapsum",
) -> jax.Array:
    r"""Returns 1 − Spearman's ρ: 0 where predictions have the order of the targets, 2 where the opposite one.

    $\rho = \langle r - \bar r, s - \bar s \rangle / (\|r - \bar r\| \|s - \bar s\|)$ with the relaxed ranks r
    of the predictions and the ranks s of the targets; equal targets share the mean of their ranks, as do
    equal predictions where the implementation is exact.

    Where all predictions are equal ρ is 0. So that it has a finite gradient there, which tells them apart,
    a relaxed $\|r - \bar r\|$ counts as no less than a hundredth of what it is for distinct ranks.

    Args:
        predictions: floating.
        targets: real, of the shape of `predictions`. They have no gradient.
        axis: the axis of what is ranked.
        where: boolean mask, broadcastable to `predictions`.
        implementation: a relaxed sort of `diffsort.soft`. An exact one has no gradient.

    Returns:
        The loss, of the shape of `predictions` without `axis`; 1 where all targets are equal, or all
        predictions; 0 where all are masked; NaN where an element is, and of an axis of length 0.

    Raises:
        ValueError: `targets` does not have the shape of `predictions`, or `implementation` has neither ranks
            nor a permutation.

    Source: C. Spearman, The proof and measurement of association between two things, 1904; relaxed:
    M. Blondel, O. Teboul, Q. Berthet, J. Djolonga, Fast Differentiable Sorting and Ranking, 2020.

    >>> import jax, jax.numpy as jnp
    >>> from diffsort.soft import SoftSort
    >>> predictions, targets = jnp.array([0.1, 0.4, 0.2]), jnp.array([1, 2, 3])
    >>> spearman_loss(predictions, targets, implementation="manual")
    Array(0.5, dtype=float32)
    >>> spearman_loss(predictions, targets, implementation=SoftSort(0.1)).round(2)
    Array(0.61, dtype=float32)
    """
    other = _paired(predictions, targets, ("predictions", "targets"))
    return along_rows(_spearman_loss, predictions, other, axis, where, implementation, name="predictions")


def spearman_correlation(
    predictions: ArrayLike,
    targets: ArrayLike,
    axis: int = -1,
    *,
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns Spearman's ρ, the correlation of ranks: the metric that `spearman_loss` is of.

    Args:
        predictions: floating.
        targets: real, of the shape of `predictions`.
        axis: the axis of what is ranked.
        where: boolean mask, broadcastable to `predictions`.
        implementation: as in `diffsort.sort`.

    Returns:
        ρ in [−1, 1], of the shape of `predictions` without `axis`; 0 where all predictions or all targets are
        equal, for which `scipy.stats.spearmanr` has NaN, or all are masked; NaN where an element is, and of
        an axis of length 0.

    Raises:
        ValueError: `targets` does not have the shape of `predictions`.

    >>> import jax.numpy as jnp
    >>> spearman_correlation(jnp.array([0.1, 0.4, 0.2]), jnp.array([1, 2, 3]))
    Array(0.5, dtype=float32)
    """
    other = _paired(predictions, targets, ("predictions", "targets"))
    return along_rows(_spearman, predictions, other, axis, where, implementation, name="predictions")


def ndcg_loss(
    scores: ArrayLike,
    relevance: ArrayLike,
    axis: int = -1,
    *,
    k: int | None = None,
    gains: Gains = "exponential",
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "lapsum",
) -> jax.Array:
    r"""Returns 1 − NDCG, the normalised discounted cumulative gain, by relaxed ranks.

    $\mathrm{DCG} = \sum_i m_i g_i / \log_2(2 + r_i)$ with the gain $g_i$ of each element, its relaxed rank
    $r_i$, 0 for the greatest score, and how far it is among the k greatest, $m_i$; NDCG is the DCG by the
    greatest that there is, that of the order of the gains.

    Where the implementation is exact, elements of equal scores share the mean of their discounts: the mean
    over all orders that they may stand in.

    Args:
        scores: floating.
        relevance: how much each element should come first: real, not negative, which is checked where it is
            known, and of the shape of `scores`. Mask what only fills a row up.
        axis: the axis of what is ranked.
        k: how many of the greatest count; None for all.
        gains: "exponential" for $2^{\mathrm{relevance}} - 1$, "linear" for the relevance itself, as in
            `sklearn.metrics.ndcg_score`.
        where: boolean mask, broadcastable to `scores`.
        implementation: a relaxed sort of `diffsort.soft`. An exact one has no gradient by the scores.

    Returns:
        The loss in [0, 1], of the shape of `scores` without `axis`; 1, without a gradient, where nothing is
        relevant; 0 where all is masked; NaN where an element is, and of an axis of length 0.

    Raises:
        TypeError: `k` is not an integer.
        ValueError: `relevance` does not have the shape of `scores`, or one that is known is negative; `k` is
            less than 1; `gains` is neither of the two; or `implementation` has neither ranks nor a
            permutation.

    Source: K. Järvelin and J. Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002; relaxed:
    T. Qin, T.-Y. Liu, H. Li, A general approximation framework for direct optimization of information
    retrieval measures, 2010. Ties: F. McSherry and M. Najork, Computing information retrieval performance
    measures efficiently in the presence of tied scores, 2008.

    >>> import jax.numpy as jnp
    >>> from diffsort.soft import SoftSort
    >>> scores, relevance = jnp.array([0.1, 0.4, 0.2]), jnp.array([0, 1, 3])
    >>> ndcg_loss(scores, relevance, implementation="manual").round(2)
    Array(0.29, dtype=float32)
    >>> ndcg_loss(scores, relevance, implementation=SoftSort(1.0)).round(2)
    Array(0.34, dtype=float32)
    """
    other, static = _relevance(scores, relevance, where, k, gains)
    return along_rows(_ndcg_loss, scores, other, axis, where, implementation, *static, name="scores")


def ndcg(
    scores: ArrayLike,
    relevance: ArrayLike,
    axis: int = -1,
    *,
    k: int | None = None,
    gains: Gains = "exponential",
    where: ArrayLike | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    """Returns the normalised discounted cumulative gain: the metric that `ndcg_loss` is of.

    Args:
        scores: floating.
        relevance: real, not negative, of the shape of `scores`.
        axis: the axis of what is ranked.
        k: how many of the greatest count; None for all.
        gains: "exponential" or "linear"; see `ndcg_loss`.
        where: boolean mask, broadcastable to `scores`.
        implementation: as in `diffsort.sort`.

    Returns:
        NDCG in [0, 1], of the shape of `scores` without `axis`; 0 where nothing is relevant or all is masked;
        NaN where an element is, and of an axis of length 0. Equal scores get the mean over their orders.

    Raises:
        TypeError: `k` is not an integer.
        ValueError: as for `ndcg_loss`.

    >>> import jax.numpy as jnp
    >>> ndcg(jnp.array([0.1, 0.4, 0.2]), jnp.array([0, 1, 3]), k=1).round(3)
    Array(0.143, dtype=float32)
    """
    other, static = _relevance(scores, relevance, where, k, gains)
    return along_rows(_ndcg, scores, other, axis, where, implementation, *static, name="scores")


def _spearman_loss(x: jax.Array, y: jax.Array, where: jax.Array | None, chosen: Chosen) -> jax.Array:
    return 1 - _spearman(x, y, where, chosen)


def _spearman(x: jax.Array, y: jax.Array, where: jax.Array | None, chosen: Chosen) -> jax.Array:
    n = jnp.asarray(x.shape[-1], jnp.int32) if where is None else count_valid(where, -1)
    n = n.astype(x.dtype)
    least = jnp.zeros_like(n)
    if isinstance(chosen, RelaxedSort):
        ranks = soft_rank(x, where=where, implementation=chosen)
        least = 1e-4 * (n**3 - n) / 12  # for distinct ranks the squares sum to the rest of this
    else:
        ranks = order_of(x, where, chosen, False).average_ranks(x.dtype)
    targets = order_of(y, where, exact(chosen), False).average_ranks(x.dtype)

    def centred(ranks: jax.Array) -> jax.Array:
        ranks = ranks - (n - 1) / 2  # their mean, whatever they are
        return ranks if where is None else jnp.where(where, ranks, jnp.zeros_like(ranks))

    ranks, targets = centred(ranks), centred(targets)
    # As the second times the root of their ratio, the product of the norms of equal ranks is not rounded.
    first, second = (jnp.sum(a**2, -1, keepdims=True) for a in (ranks, targets))
    first, second = jnp.maximum(first, least), jnp.where(second == 0, jnp.ones_like(second), second)
    first = jnp.where(first == 0, jnp.ones_like(first), first)
    return jnp.sum(ranks * targets, -1) / jnp.squeeze(second * jnp.sqrt(first / second), -1)


def _ndcg_loss(
    x: jax.Array, y: jax.Array, where: jax.Array | None, chosen: Chosen, k: int | None, gains: Gains
) -> jax.Array:
    return 1 - _ndcg(x, y, where, chosen, k, gains)


def _ndcg(
    x: jax.Array, y: jax.Array, where: jax.Array | None, chosen: Chosen, k: int | None, gains: Gains
) -> jax.Array:
    y = y.astype(x.dtype)
    gain = y if gains == "linear" else jnp.exp2(y) - 1
    position = positions(x.shape[-1], x.ndim, -1)
    discounts = 1 / jnp.log2(2 + position.astype(x.dtype))
    if k is not None:
        discounts = jnp.where(position < k, discounts, jnp.zeros_like(discounts))
    if isinstance(chosen, RelaxedSort):
        weights = 1 / jnp.log2(2 + soft_rank(x, descending=True, where=where, implementation=chosen))
        if k is not None and k < x.shape[-1]:
            weights *= top_k_mask(x, k, where=where, implementation=chosen)
    else:
        weights = order_of(x, where, chosen, True).average_weights(discounts)
    best = sort_values(exact(chosen), gain, gain.ndim - 1, where, True)
    ideal = jnp.sum(best * discounts, -1)
    is_zero = ideal == 0
    found = jnp.sum(gain * weights, -1) / jnp.where(is_zero, jnp.ones_like(ideal), ideal)
    return jnp.where(is_zero, jnp.zeros_like(found), found)


def _paired(scores: ArrayLike, targets: ArrayLike, names: tuple[str, str]) -> jax.Array:
    x, y = floating(scores, names[0]), real_array(targets, names[1])
    if x.shape != y.shape:
        raise ValueError(
            f"{names[1]} of shape {y.shape} do not fit {names[0]} of shape {x.shape}: they must be equal."
        )
    return y


def _relevance(
    scores: ArrayLike, relevance: ArrayLike, where: ArrayLike | None, k: int | None, gains: Gains
) -> tuple[jax.Array, tuple[int | None, Gains]]:
    y = _paired(scores, relevance, ("scores", "relevance"))
    numbers = concrete(y)
    if numbers is not None and np.any(numbers < 0):
        there = np.ones(()) if where is None else concrete(mask_like(where, y))
        if there is not None and np.any((numbers < 0) & (there != 0)):
            raise ValueError(
                f"relevance has {numbers.min():g}: it must not be negative; mask what only fills a row up."
            )
    if gains not in get_args(Gains):
        raise ValueError(f"gains={gains!r} is neither 'exponential' nor 'linear'.")
    if k is None:
        return y, (None, gains)
    require_positive(k=k)
    return y, (integer(k, "k"), gains)
