"""Sliced distances: their directions, and that they are found."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.losses import max_sliced_wasserstein, random_projections, sliced_wasserstein


def clouds(seed: int, n: int = 24, d: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x, y = random.standard_normal((n, d)), random.standard_normal((n, d)) * random.uniform(0.3, 3, d)
    return x.astype(np.float32), y.astype(np.float32)


def directions(number: int, d: int = 3, seed: int = 0) -> jax.Array:
    return random_projections(jax.random.key(seed), number, d)


def test_random_projections_are_uniform_on_the_sphere() -> None:
    lines = np.asarray(directions(20_000), np.float64)
    np.testing.assert_allclose(np.linalg.norm(lines, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(lines.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(lines.T @ lines / 20_000, np.eye(3) / 3, atol=0.01)
    # Archimedes: each coordinate of a uniform point of the sphere is itself uniform.
    np.testing.assert_allclose(np.quantile(lines, [0.1, 0.5, 0.8], axis=0).mean(1), [-0.8, 0, 0.6], atol=0.02)
    assert set(np.asarray(directions(9, 1)).ravel()) == {-1.0, 1.0}
    assert random_projections(jax.random.key(0), 2, 3, jnp.bfloat16).dtype == jnp.bfloat16


def test_a_translation_by_hand() -> None:
    """Along θ a translation by t costs (θ·t)²: a third of |t|² on average, |t|² at most."""
    x, _ = clouds(0)
    t = np.array([3.0, 0.0, 4.0], np.float32)
    lines = directions(500)
    np.testing.assert_allclose(sliced_wasserstein(x, x + t, lines), ((lines @ t) ** 2).mean(), rtol=1e-4)
    np.testing.assert_allclose(sliced_wasserstein(x, x + t, lines), 25 / 3, rtol=0.1)
    np.testing.assert_allclose(max_sliced_wasserstein(x, x + t, lines), ((lines @ t) ** 2).max(), rtol=1e-4)
    found = max_sliced_wasserstein(x, x + t, lines[:5], ascent_steps=40)
    np.testing.assert_allclose(found, 25, rtol=1e-4)


def test_the_gradient_of_the_greatest_is_that_of_its_direction() -> None:
    x, y = clouds(1)
    lines = directions(50)
    costs = jax.vmap(lambda line: sliced_wasserstein(x, y, line[None]))(lines)
    best = lines[jnp.argmax(costs)][None]
    value, gradient = jax.value_and_grad(max_sliced_wasserstein)(x, y, lines)
    np.testing.assert_allclose(value, costs.max(), rtol=1e-6)
    np.testing.assert_allclose(gradient, jax.grad(sliced_wasserstein)(x, y, best), rtol=1e-5, atol=1e-6)
    assert not np.asarray(jax.grad(max_sliced_wasserstein, 2)(x, y, lines)).any()


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_no_step_makes_it_worse_and_many_come_close_to_the_greatest(p: float) -> None:
    """Compared with many directions, from few to start from; another maximum may lie nearer."""
    pairs = [clouds(seed) for seed in range(12)]
    x, y = (jnp.stack(a) for a in zip(*pairs, strict=True))
    greatest = max_sliced_wasserstein(x, y, directions(2000, seed=1), p)
    start, before = directions(10), 0.0
    for steps in (0, 1, 4, 32):
        value = max_sliced_wasserstein(x, y, start, p, ascent_steps=steps)
        assert (value >= before * (1 - 1e-6)).all()
        before = np.asarray(value)
    assert np.mean(before > 0.999 * greatest) > 0.7


def test_the_derivative_of_a_refined_direction_is_that_of_the_maximum() -> None:
    """Danskin: where the direction is a maximum, that it moves along makes no difference."""
    random = np.random.default_rng(2)
    x, y = random.standard_normal((2, 4, 3)) + np.array([[[0.0, 0, 0]], [[3.0, 0, 0]]])
    lines, change, step = np.asarray(directions(30), np.float64), random.standard_normal((4, 3)), 1e-5
    with jax.enable_x64(True):
        loss = jax.jit(partial(max_sliced_wasserstein, targets=y, projections=lines, ascent_steps=100))
        _, tangent = jax.jvp(loss, (x,), (change,))
        difference = (loss(x + step * change) - loss(x - step * change)) / (2 * step)
    np.testing.assert_allclose(tangent, difference, rtol=1e-5)


def test_sets_in_batches_each_have_a_direction() -> None:
    pairs = [clouds(seed) for seed in range(4)]
    x, y = (np.stack(a).reshape(2, 2, -1, 3) for a in zip(*pairs, strict=True))
    loss = partial(max_sliced_wasserstein, projections=directions(20), ascent_steps=3)
    one_by_one = [loss(*pair) for pair in pairs]
    np.testing.assert_allclose(loss(x, y), np.reshape(one_by_one, (2, 2)), rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(jax.vmap(loss))(x, y), np.reshape(one_by_one, (2, 2)), rtol=1e-5)


def test_masked_points_reach_no_gradient_of_the_directions() -> None:
    x, y = clouds(0)
    where = np.arange(24) < 20
    hidden = np.where(where[:, None], x, np.nan)
    gradient = jax.grad(sliced_wasserstein, 2)(hidden, y, directions(4), where=where)
    np.testing.assert_allclose(
        gradient, jax.grad(sliced_wasserstein, 2)(x[:20], y, directions(4)), rtol=1e-4, atol=1e-6
    )
    nothing = max_sliced_wasserstein(hidden, y, directions(4), where=where & False, ascent_steps=2)
    assert nothing == 0


X = np.ones((2, 4, 3), np.float32)
KEY = jax.random.key(0)


@pytest.mark.parametrize("loss", [sliced_wasserstein, max_sliced_wasserstein])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"projections": np.ones((5, 2), np.float32)}, ValueError, r"expected \(L, 3\)"),
        ({"projections": np.ones((0, 3), np.float32)}, ValueError, "at least one direction"),
        ({"projections": np.ones((5, 3), np.int32)}, TypeError, "projections must be floating"),
        ({"targets": X[..., :2]}, ValueError, r"expected \(..., n, d\) and \(..., m, d\)"),
        ({"targets": X[0]}, ValueError, "do not fit"),
        ({"predictions": X[0, 0], "targets": X[0, 0]}, ValueError, "do not fit"),
        ({"p": 0}, ValueError, "p=0.0"),
        ({"where": np.ones((2, 3), bool)}, ValueError, "where has shape"),
        ({"target_where": X[..., 0]}, TypeError, "target_where must be boolean"),
        ({"weights": X}, ValueError, "weights has shape"),
        ({"implementation": "fast"}, ValueError, "unknown implementation"),
    ],
)
def test_mistakes(loss: object, change: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        loss(**{"predictions": X, "targets": X, "projections": np.eye(3, dtype=np.float32), **change})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random_projections(KEY, 0, 3), ValueError, "num_projections=0 must be at least 1"),
        (lambda: random_projections(KEY, 2, 0), ValueError, "num_features=0"),
        (lambda: random_projections(KEY, 2.0, 3), TypeError, "num_projections must be a Python integer"),
        (lambda: random_projections(KEY, 2, 3, jnp.int32), TypeError, "dtype must be floating"),
        (lambda: max_sliced_wasserstein(X, X, np.eye(3), ascent_steps=-1), ValueError, "ascent_steps=-1"),
        (lambda: max_sliced_wasserstein(X, X, np.eye(3), ascent_steps=1.5), TypeError, "ascent_steps"),
    ],
)
def test_other_mistakes(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
