"""Projections onto the permutahedron: against isotonic regression, and what only a projection meets."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort import engines
from diffsort.soft import Permutahedron, StraightThrough
from diffsort.soft._isotonic import block_deviation, block_last, block_mean, find_blocks
from tests.soft.finite_differences import assert_derivatives

RANDOM = np.random.default_rng(0)
N = 23
X = RANDOM.normal(size=(5, N)) * np.array([[0.1], [1.0], [1.0], [10.0], [1e6]])
X[:, 3] = X[:, 8]  # a tie
WHERE = RANDOM.random((5, N)) < 0.6
STRENGTHS = (0.01, 0.3, 5.0)
IN_XLA = engines.ENGINES["xla"]

OPS: dict[str, Callable[..., jax.Array]] = {
    "sort": diffsort.sort,
    "soft_rank": diffsort.soft_rank,
    "top_k_mask": lambda x, **options: diffsort.top_k_mask(x, 4, **options),
}


def operands(op: str, x: np.ndarray, strength: float, rank: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """What is projected, and onto the permutahedron of what."""
    place = np.arange(x.size)
    return {
        "sort": (place / strength, np.sort(x)),
        "soft_rank": (x / strength, place + rank),
        "top_k_mask": (x / strength, 1.0 * (place >= x.size - 4)),
    }[op]


def projection(z: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The nearest point to z in the permutahedron of an ascending w, by scikit-learn."""
    isotonic = pytest.importorskip("sklearn.isotonic")
    order = np.argsort(z, kind="stable")
    found = z.copy()
    found[order] -= isotonic.isotonic_regression(z[order] - w)
    return found


@pytest.mark.parametrize("op", OPS)
def test_it_is_the_projection(op: str) -> None:
    with jax.enable_x64(True):
        compute = jax.jit(lambda x, strength: OPS[op](x, implementation=Permutahedron(strength)))
        for strength in STRENGTHS:
            expected = [projection(*operands(op, x, strength)) for x in X]
            np.testing.assert_allclose(compute(X, strength), expected, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("op", OPS)
def test_with_entropy_no_other_point_of_the_permutahedron_is_nearer(op: str) -> None:
    # μ is the projection if, in the order of z, sums from the greatest down are at most those of w, and where
    # they are less, log μ − z is equal on both sides; where equal, it may only fall towards the greater z.
    with jax.enable_x64(True):
        compute = jax.jit(lambda x, strength: OPS[op](x, implementation=Permutahedron(strength, "kl")))
        for strength in (0.3, 5.0):
            for x, found in zip(X[:3], compute(X[:3], strength), strict=True):
                z, w = operands(op, x, strength, rank=1)
                mu = np.exp(found) if op == "sort" else np.asarray(found) + (op == "soft_rank")
                w = np.exp(w) if op == "sort" else w
                order = np.argsort(z, kind="stable")
                left = np.cumsum(w[::-1]) - np.cumsum(mu[order][::-1])
                assert np.all(left > -1e-10 * np.sum(w))
                np.testing.assert_allclose(left[-1], 0, atol=1e-10 * np.sum(w))
                excess = np.diff((np.log(mu) - z)[order])[::-1]
                is_free = left[:-1] > 1e-9 * np.sum(w)
                np.testing.assert_allclose(excess[is_free], 0, atol=1e-9)
                assert np.all(excess < 1e-9)


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_derivatives_are_finite_differences(regularization: str) -> None:
    def compute(inputs: jax.Array) -> jax.Array:  # of the elements, and of the strength
        x, method = inputs[:-1], Permutahedron(inputs[-1], regularization)
        return jnp.concatenate([op(x, implementation=method) for op in OPS.values()])

    with jax.enable_x64(True):
        x = np.random.default_rng(1).normal(size=7)
        assert_derivatives(compute, np.append(x, 0.9), 1e-6)


@pytest.mark.parametrize(
    ("regularization", "op"), [("l2", "sort"), ("l2", "top_k_mask"), ("kl", "soft_rank")]
)
def test_masked_elements_take_no_part(regularization: str, op: str) -> None:
    with jax.enable_x64(True):
        method = Permutahedron(0.7, regularization)
        held = np.where(WHERE, X, np.nan)[:3]
        masked, pull_back = jax.vjp(lambda x: OPS[op](x, where=WHERE[:3], implementation=method), held)
        (gradient,) = pull_back(jnp.cos(jnp.arange(masked.size, dtype=masked.dtype)).reshape(masked.shape))
        assert np.all(np.asarray(gradient)[~WHERE[:3]] == 0)
        assert np.all(np.isfinite(gradient))
        # The first row alone: each is of another length.
        alone = OPS[op](X[0, WHERE[0]], implementation=method)
        kept = masked[0, : alone.size] if op == "sort" else masked[0, WHERE[0]]
        np.testing.assert_allclose(kept, alone, atol=1e-10)


def test_the_kernel_finds_what_plain_jax_finds() -> None:
    portable = jax.jit(functools.partial(find_blocks, engine=IN_XLA), static_argnames="entropic")
    with jax.enable_x64(True):
        for entropic, scale in ((False, 0.1), (False, 30.0), (True, 2.0)):
            z = np.sort(RANDOM.normal(size=(6, 13)) * scale * 13)
            w = np.sort(RANDOM.normal(size=(6, 13)) * 13)
            w[0, 9:] = np.nan
            first = find_blocks(z, w, entropic=entropic)
            assert np.array_equal(first, portable(z, w, entropic=entropic))
            assert not np.all(first)
            for within in (block_mean, block_deviation, block_last):
                np.testing.assert_allclose(within(z, first), within(z, first, engine=IN_XLA), atol=1e-11)


@pytest.mark.parametrize("engine", engines.ENGINES)
def test_infinities_and_an_element_far_from_all_others(engine: str) -> None:
    # A chain of joins, each of which brings the next one about.
    z, w = np.arange(12.0, dtype=np.float32), np.sort(RANDOM.normal(size=12)).astype(np.float32)
    w[-1] = 1e20
    chosen = engines.ENGINES[engine]
    assert np.array_equal(np.flatnonzero(find_blocks(z, w, engine=chosen)), [0])
    # Equal infinities are one block, different ones are not.
    z = np.array([-np.inf, -np.inf, 0, 5, np.inf, np.inf], np.float32)
    first = find_blocks(z, np.arange(6, dtype=np.float32), engine=chosen)
    assert np.array_equal(np.flatnonzero(first), [0, 2, 3, 4])
    assert np.array_equal(block_deviation(z, first, engine=chosen), np.zeros(6))
    assert np.array_equal(block_mean(z, first, engine=chosen), z)


@pytest.mark.parametrize("regularization", ["l2", "kl"])
def test_extreme_elements(regularization: str) -> None:
    method = Permutahedron(0.1, regularization)
    x = np.array([np.inf, 2, -np.inf, 1e20, -1e20, np.inf, 1e-20, 0], np.float32)
    expected = np.array([6.5, 4, 0, 5, 1, 6.5, 2.5, 2.5])
    np.testing.assert_allclose(diffsort.soft_rank(x, implementation=method), expected, rtol=1e-5)
    np.testing.assert_allclose(diffsort.top_k_mask(x, 3, implementation=method), [1, 0, 0, 1, 0, 1, 0, 0])
    gradient = jax.grad(lambda x: jnp.sum(diffsort.soft_rank(x, implementation=method) ** 2))(x)
    assert np.all(np.isfinite(gradient))
    far = np.array([1e20, 0, 1, -1e20], np.float32)
    assert np.all(np.isfinite(diffsort.sort(far, implementation=method)))
    endless = diffsort.sort(np.array([np.inf, 0, 1], np.float32), implementation=method)
    assert np.all(endless == np.inf)


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="regularization must be 'l2' or 'kl', not 'q'"):
        Permutahedron(regularization="q")  # type: ignore[arg-type]
    for method in (Permutahedron(), StraightThrough(Permutahedron())):
        with pytest.raises(ValueError, match=r"permutahedron' has no matrix.*soft_rank"):
            diffsort.soft_permutation(X, implementation=method)


@pytest.mark.slow
@pytest.mark.parametrize(("regularization", "mode"), [("l2", "c0"), ("kl", "smooth")])
def test_it_is_the_fast_soft_sort_of_softjax(regularization: str, mode: str) -> None:
    softjax = pytest.importorskip("softjax")
    options = {"softness": 0.3, "method": "fast_soft_sort", "mode": mode, "standardize": False}
    with jax.enable_x64(True):
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            expected = softjax.sort(jnp.asarray(X[:4]), -1, **options)
        method = Permutahedron(0.3 * (N - 1), regularization)  # there ranks are divided by n − 1
        np.testing.assert_allclose(diffsort.sort(X[:4], implementation=method), expected, atol=1e-10)
