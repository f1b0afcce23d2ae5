"""Every loss beside an independent oracle for one row, all called the same way."""

import dataclasses
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import ot
import scipy.integrate
import scipy.optimize
import scipy.special
import scipy.stats
import scoringrules
import sklearn.metrics

from diffsort import losses
from tests.oracles import weighed

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
    lengths: tuple[tuple[int, ...], ...] = ((10,),)
    names: tuple[str, ...] = ("losses",)
    maskable: int = 1


def alike(x: jax.Array) -> None:
    """No weights."""
    del x


def reducer(
    loss: Callable[..., jax.Array], oracle: Callable[..., float], weigh: Callable = alike, **options: object
) -> Case:
    """The case of a reducer of per-example losses.

    Args:
        loss: what to call.
        oracle: called with the losses, and their weights if there are any, of sum 1.
        weigh: makes weights of losses.
        **options: for the loss.
    """

    def call(arrays: tuple, masks: Masks, axis: int, implementation: str) -> jax.Array:
        given = options if weigh is alike else options | {"weights": weigh(arrays[0])}
        return loss(arrays[0], axis=axis, where=masks[0], implementation=implementation, **given)

    def expected(x: np.ndarray) -> float:
        if weigh is alike:
            return oracle(x)
        weights = np.asarray(weigh(x))
        return oracle(x, weights / weights.sum())

    return Case(call, expected)


def smoothed_cvar(level: float, smoothing: float, x: np.ndarray, v: np.ndarray | None = None) -> float:
    """By the one equation that η solves, and a root finder."""
    cap = 1 / (1 - level)
    v = np.full(x.size, 1 / x.size) if v is None else v

    def weights(eta: float) -> np.ndarray:
        return np.clip(1 + (x - eta) / smoothing, 0, cap)

    ends = x.min() - cap * smoothing, x.max() + smoothing
    eta = scipy.optimize.brentq(lambda eta: v @ weights(eta) - 1, *ends, xtol=1e-15, rtol=1e-15)
    w = weights(eta)
    return float(v @ (w * x) - smoothing / 2 * v @ (w - 1) ** 2)


def worst_weighted_mean(level: float, x: np.ndarray, v: np.ndarray | None = None) -> float:
    """The cvar as the linear program that defines it."""
    most = (np.full(x.size, 1 / x.size) if v is None else v) / (1 - level)
    solved = scipy.optimize.linprog(
        -x, A_eq=np.ones((1, x.size)), b_eq=[1], bounds=np.stack([np.zeros_like(most), most], 1)
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


REDUCERS = {
    "cvar": reducer(losses.cvar, partial(worst_weighted_mean, 0.77), level=0.77),
    "cvar smoothed": reducer(losses.cvar, partial(smoothed_cvar, 0.6, 0.5), level=0.6, smoothing=0.5),
    "cvar of weights": reducer(losses.cvar, partial(worst_weighted_mean, 0.77), weighed, level=0.77),
    "cvar smoothed of weights": reducer(
        losses.cvar, partial(smoothed_cvar, 0.6, 0.5), weighed, level=0.6, smoothing=0.5
    ),
    "average_top_k": reducer(losses.average_top_k, partial(mean_of_largest, 0, 3), k=3),
    "ranked_range": reducer(losses.ranked_range, partial(mean_of_largest, 1, 4), k=4, m=1),
    "trimmed": reducer(losses.trimmed, lambda x: np.sort(x)[: x.size - x.size // 5].mean(), proportion=0.2),
    "extremile spectrum": reducer(
        losses.spectral_risk, partial(maximum_of_draws, 3), spectrum=losses.extremile_spectrum(3)
    ),
    "exponential spectrum": reducer(
        losses.spectral_risk, partial(exponential_risk, 2.5), spectrum=losses.esrm_spectrum(2.5)
    ),
}


# The same sizes take another path than different ones.
SAME, DIFFERENT, ONE = ((10, 10),), ((5, 4), (7, 10)), ((10, 1),)
PAIR = ("predictions", "targets")
LINES = np.random.default_rng(0).standard_normal((4, 3))
LINES /= np.linalg.norm(LINES, axis=1, keepdims=True)


def of_samples(
    loss: Callable[..., jax.Array],
    oracle: Callable[..., float],
    lengths: tuple[tuple[int, ...], ...] = SAME,
    weigh: Callable = alike,
    points: bool = False,
    **options: object,
) -> Case:
    """The case of a loss between two samples.

    Args:
        loss: what to call.
        oracle: called with two samples, and their weights.
        lengths: of the samples.
        weigh: makes weights of elements, so that they are sliced and shuffled along with them.
        points: make points of the elements.
        **options: for the loss.
    """

    def call(arrays: tuple, masks: Masks, axis: int, implementation: str) -> jax.Array:
        if points:
            x, y = (jnp.moveaxis(a, axis, -1) for a in arrays)
            along = loss
        else:
            x, y = arrays
            along = partial(loss, axis=axis)
        return along(
            as_points(x) if points else x,
            as_points(y) if points else y,
            weights=weigh(x),
            target_weights=weigh(y),
            where=masks[0],
            target_where=masks[1],
            implementation=implementation,
            **options,
        )

    def expected(x: np.ndarray, y: np.ndarray) -> float:
        weights = (w if w is None else np.asarray(w / w.sum()) for w in (weigh(x), weigh(y)))
        x, y = (np.asarray(as_points(a)) if points else a for a in (x, y))
        return oracle(x, y, *weights)

    return Case(call, expected, lengths, PAIR, 2)


def as_points(x: jax.Array) -> jax.Array:
    return jnp.stack([x, -2 * x, jnp.abs(x)], -1)


def score(fair: float, weigh: Callable = alike) -> Case:
    """The case of the score of an ensemble: the second array has a single element, the observation."""

    def call(arrays: tuple, masks: Masks, axis: int, implementation: str) -> jax.Array:
        observed = jnp.squeeze(arrays[1], axis)
        return losses.crps_ensemble(
            arrays[0],
            observed,
            axis,
            fair=fair,
            weights=weigh(arrays[0]),
            where=masks[0],
            implementation=implementation,
        )

    def oracle(x: np.ndarray, y: np.ndarray) -> float:
        weights = None if weigh(x) is None else np.asarray(weigh(x))
        by_estimator = (
            scoringrules.crps_ensemble(y[0], x, ens_w=weights, estimator=estimator, backend="numpy")
            for estimator in ("fair", "nrg")
        )
        return float(np.average([*by_estimator], weights=[fair, 1 - fair]))

    return Case(call, oracle, ONE, PAIR)


def pinball(level: float, weigh: Callable = alike) -> Case:
    """The case of a quantile loss with as many equal levels as there are predictions."""

    def call(arrays: tuple, masks: Masks, axis: int, implementation: str) -> jax.Array:
        del implementation  # nothing is sorted
        levels = jnp.full(arrays[0].shape[axis], level)
        observed = jnp.squeeze(arrays[1], axis)
        return losses.quantile_loss(
            arrays[0], observed, levels, axis, weights=weigh(arrays[0]), where=masks[0]
        )

    def oracle(x: np.ndarray, y: np.ndarray) -> float:
        each = scoringrules.quantile_score(y[0], x, level, backend="numpy")
        return float(np.average(each, weights=weigh(x)))

    return Case(call, oracle, ONE, PAIR)


def transport(p: float) -> Callable[..., float]:
    return lambda x, y, *weights: float(ot.wasserstein_1d(x, y, *weights, p=p))


def sliced(p: float) -> Callable[..., float]:
    def oracle(x: np.ndarray, y: np.ndarray, *weights: np.ndarray) -> float:
        return float(ot.sliced_wasserstein_distance(x, y, *weights, projections=LINES.T, p=p)) ** p

    return oracle


def max_sliced(p: float) -> Callable[..., float]:
    def oracle(x: np.ndarray, y: np.ndarray, *weights: np.ndarray) -> float:
        return float(ot.max_sliced_wasserstein_distance(x, y, *weights, projections=LINES.T, p=p)) ** p

    return oracle


def energy(x: np.ndarray, y: np.ndarray, *weights: np.ndarray) -> float:
    return float(scipy.stats.energy_distance(x, y, *weights)) ** 2


DISTANCES = {
    "wasserstein_1d": of_samples(losses.wasserstein_1d, transport(1)),
    "wasserstein_1d 2.5 of sizes": of_samples(losses.wasserstein_1d, transport(2.5), DIFFERENT, p=2.5),
    "wasserstein_1d 2 of weights": of_samples(losses.wasserstein_1d, transport(2), DIFFERENT, weighed, p=2),
    "sliced_wasserstein": of_samples(losses.sliced_wasserstein, sliced(2), points=True, projections=LINES),
    "max_sliced_wasserstein 1.5 of weights": of_samples(
        losses.max_sliced_wasserstein, max_sliced(1.5), DIFFERENT, weighed, True, projections=LINES, p=1.5
    ),
    "energy_distance of weights": of_samples(losses.energy_distance, energy, DIFFERENT, weighed),
    "crps_ensemble of weights": score(0.7, weighed),
    "crps_ensemble": score(fair=False),
    "crps_ensemble fair": score(fair=True),
    "quantile_loss": pinball(0.3),
    "quantile_loss of weights": pinball(0.3, weighed),
}


def of_rows(
    loss: Callable[..., jax.Array],
    name: str,
    aim: Callable[[jax.Array], jax.Array],
    oracle: Callable[..., float],
    **options: object,
) -> Case:
    """The case of a loss that holds scores against an aim for each row of them.

    The aim is made of the scores, so that what does something to these does it to both.

    Args:
        loss: called with scores and their aim.
        name: what it calls the scores.
        aim: makes it of the scores, along their last axis.
        oracle: called with the scores and the aim.
        **options: for the loss.
    """

    @partial(jax.jit, static_argnames=("axis", "implementation"))
    def call(arrays: tuple, masks: Masks, axis: int, implementation: str) -> jax.Array:
        x = jnp.moveaxis(arrays[0], axis, -1)
        where = None if masks[0] is None else jnp.moveaxis(masks[0], axis, -1)
        found = aim(x if where is None else jnp.where(where, x, jnp.full_like(x, jnp.inf)))
        found = found if found.ndim < x.ndim else jnp.moveaxis(found, -1, axis)
        return loss(arrays[0], found, axis=axis, where=masks[0], implementation=implementation, **options)

    return Case(call, lambda x: oracle(x, np.asarray(aim(x))), names=(name,))


def folded(x: jax.Array) -> jax.Array:
    """Numbers in another order than `x`, finite, not negative and not rounded."""
    size = jnp.abs(jnp.where(jnp.isfinite(x), x, jnp.zeros_like(x)))
    return jnp.where(size > 1, (size / 4).astype(size.dtype), size)


def nearest_to_half(x: jax.Array) -> jax.Array:
    """A class for each row: that of the logit nearest to 0.5."""
    if x.shape[-1] == 0:
        return jnp.zeros(x.shape[:-1], jnp.int32)
    x = jax.lax.stop_gradient(x)
    return jnp.argmin(jnp.abs(x - jnp.asarray(0.5).astype(x.dtype)), -1).astype(jnp.int32)


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    return float(1 - scipy.stats.spearmanr(x, y).statistic)


def without_ndcg(k: int | None, x: np.ndarray, y: np.ndarray) -> float:
    return float(1 - sklearn.metrics.ndcg_score([2**y - 1], [x], k=k))


def half_among_three(x: np.ndarray, label: np.ndarray) -> float:
    is_among = np.sum(x > x[label]) < 3
    return float(-np.log(1e-7 + (1 - 2e-7) * (scipy.special.softmax(x)[label] + is_among) / 2))


RANKING = {
    "spearman_loss": of_rows(losses.spearman_loss, "predictions", folded, spearman),
    "ndcg_loss": of_rows(losses.ndcg_loss, "scores", folded, partial(without_ndcg, 3), k=3),
    "top_k_cross_entropy": of_rows(
        losses.top_k_cross_entropy, "logits", nearest_to_half, half_among_three, weights=(0.5, 0, 0.5)
    ),
}
CASES = REDUCERS | DISTANCES | RANKING
