"""What holds for every loss: for the reducers of losses and for those between samples."""

from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.losses.cases import CASES, DISTANCES, RANKING, REDUCERS
from tests.oracles import IMPLEMENTATIONS

Arrays = tuple[np.ndarray, ...]

with_cases = pytest.mark.parametrize("name", CASES)


def call(
    name: str, x: Arrays, masks: Arrays | None = None, axis: int = -1, implementation: str = "manual"
) -> jax.Array:
    masks = (None,) * len(x) if masks is None else masks
    return CASES[name].loss(x, masks, axis, implementation)


@cache
def compiled(name: str) -> Callable[..., jax.Array]:
    """`call`, for several tests to share what is compiled."""
    return jax.jit(partial(call, name), static_argnames=("axis", "implementation"))


@cache
def derivatives(name: str) -> Callable[..., tuple[jax.Array, Arrays]]:
    """The value and the gradients of each row."""

    def function(x: Arrays, masks: Arrays | None, implementation: str) -> tuple[jax.Array, Arrays]:
        value, pull_back = jax.vjp(lambda x: call(name, x, masks, implementation=implementation), x)
        return value, pull_back(jnp.ones_like(value))[0]

    return jax.jit(function, static_argnames="implementation")


def arrays(lengths: tuple[int, ...], dtype: str = "float32", seed: int = 0) -> Arrays:
    """Three rows for each argument; the second is shifted, so that there is something to lose."""
    random = np.random.default_rng(seed)
    return tuple(
        (random.standard_normal((3, n)) + shift).astype(dtype) for shift, n in enumerate(lengths, start=1)
    )


def some_masks(lengths: tuple[int, ...]) -> Arrays:
    """In each row one element of four is masked; of a length of 1 none."""
    return tuple(np.tile((np.arange(n) % 4 != 1) | (n == 1), (3, 1)) for n in lengths)


@with_cases
def test_values_and_gradients_agree_with_an_oracle(name: str) -> None:
    loss, step = partial(call, name), 1e-6

    @jax.jit
    def value_and_derivatives(x: Arrays, direction: Arrays) -> tuple[jax.Array, jax.Array, Arrays]:
        value, pull_back = jax.vjp(loss, x)
        _, tangent = jax.jvp(loss, (x,), (direction,))
        return value, tangent, pull_back(jnp.ones_like(value))[0]

    with jax.enable_x64(True):
        for lengths in CASES[name].lengths:
            x, direction = arrays(lengths, "float64"), arrays(lengths, "float64", seed=1)
            around = zip(x, direction, strict=True)
            nine = tuple(np.concatenate([a, a + step * d, a - step * d]) for a, d in around)
            nine_directions = tuple(np.concatenate([d] * 3) for d in direction)
            value, tangent, gradients = value_and_derivatives(nine, nine_directions)
            here, ahead, behind = np.split(value, 3)
            expected = [CASES[name].oracle(*row) for row in zip(*x, strict=True)]
            np.testing.assert_allclose(here, expected, rtol=1e-10)
            np.testing.assert_allclose(tangent[:3], (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8)
            along = sum((g * d).sum(1) for g, d in zip(gradients, nine_directions, strict=True))
            np.testing.assert_allclose(along, tangent, rtol=1e-10, atol=1e-13)


@with_cases
def test_every_implementation_gives_the_same(name: str) -> None:
    lengths = CASES[name].lengths[-1]
    x, masks = arrays(lengths), some_masks(lengths)
    expected, expected_gradients = derivatives(name)(x, masks, "builtin")
    for implementation in IMPLEMENTATIONS:
        actual, gradients = derivatives(name)(x, masks, implementation)
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-7)
        for g, e in zip(gradients, expected_gradients, strict=True):
            np.testing.assert_allclose(g, e, rtol=1e-6, atol=1e-7)


@with_cases
def test_a_mask_is_a_slice_and_what_it_hides_is_never_seen(name: str) -> None:
    lengths = CASES[name].lengths[-1]
    x, masks = arrays(lengths), some_masks(lengths)
    garbage = [np.resize(np.array([np.nan, np.inf, -np.inf], np.float32), n) for n in lengths]
    hidden = tuple(np.where(w, a, g) for a, w, g in zip(x, masks, garbage, strict=True))
    value, gradients = derivatives(name)(hidden, masks, "manual")
    sliced = tuple(a[w].reshape(3, -1) for a, w in zip(x, masks, strict=True))
    expected, expected_gradients = derivatives(name)(sliced, None, "manual")
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    for g, e, w in zip(gradients, expected_gradients, masks, strict=True):
        np.testing.assert_allclose(g[w].reshape(3, -1), e, rtol=1e-5, atol=1e-6)
        assert not np.asarray(g)[~w].any()


@with_cases
def test_of_nothing_is_zero_with_a_gradient_of_zero(name: str) -> None:
    lengths = CASES[name].lengths[-1]
    for nothing in range(CASES[name].maskable):
        x = [*arrays(lengths)]
        x[nothing] = np.full_like(x[nothing], np.nan)
        masks = tuple(np.full((3, n), i != nothing) for i, n in enumerate(lengths))
        value, gradients = derivatives(name)(tuple(x), masks, "manual")
        for a in (value, *gradients):
            np.testing.assert_array_equal(a, 0)


@with_cases
def test_axes_batches_and_transformations(name: str) -> None:
    random = np.random.default_rng(0)
    x = tuple(random.standard_normal((4, n, 3)).astype(np.float32) for n in CASES[name].lengths[0])
    rows = tuple(np.moveaxis(a, 1, 2).reshape(12, -1) for a in x)
    expected = np.reshape(compiled(name)(rows), (4, 3))
    for actual in (
        compiled(name)(tuple(np.moveaxis(a, 1, 0) for a in x), axis=-3),
        jax.jit(jax.vmap(jax.vmap(partial(call, name), in_axes=-1)))(x),
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@with_cases
def test_the_order_within_an_argument_does_not_matter(name: str) -> None:
    x = arrays(CASES[name].lengths[-1])
    random = np.random.default_rng(0)
    shuffled = tuple(random.permutation(a, axis=1) for a in x)
    np.testing.assert_allclose(compiled(name)(x), compiled(name)(shuffled), rtol=1e-5, atol=1e-6)


@with_cases
def test_nan_is_passed_on(name: str) -> None:
    for i in range(len(CASES[name].names)):
        x = arrays(CASES[name].lengths[-1])
        x[i][1, -1] = np.nan
        assert np.isnan(compiled(name)(x)).tolist() == [False, True, False]


@with_cases
def test_bfloat16_is_kept_and_computed_in_float32(name: str) -> None:
    narrow = tuple(jnp.asarray(a, jnp.bfloat16) for a in arrays(CASES[name].lengths[-1]))
    value = compiled(name)(narrow)
    assert value.dtype == jnp.bfloat16
    wide = compiled(name)(tuple(np.asarray(a, np.float32) for a in narrow))
    last_bit = 2**-7  # where the two round differently
    np.testing.assert_allclose(np.asarray(value, np.float32), wide, rtol=last_bit / 2 * 1.001)


@with_cases
def test_the_second_derivative_is_finite(name: str) -> None:
    def slope(x: Arrays) -> jax.Array:
        gradients = jax.grad(lambda x: call(name, x).sum())(x)
        return sum((g**2).sum() for g in gradients)

    second = jax.jit(jax.grad(slope))(arrays(CASES[name].lengths[-1]))
    assert all(np.isfinite(g).all() for g in second)


@pytest.mark.parametrize("name", REDUCERS)
def test_reducers_take_integers_as_the_mean_does(name: str) -> None:
    (x,) = arrays(CASES[name].lengths[-1])
    whole = np.round(4 * x).astype(np.int32)
    np.testing.assert_array_equal(call(name, (whole,)), call(name, (whole.astype(np.float32),)), strict=True)


@pytest.mark.parametrize("name", [*DISTANCES, *RANKING])
def test_integers_are_refused(name: str) -> None:
    for i, argument in enumerate(CASES[name].names):
        x = [*arrays(CASES[name].lengths[-1])]
        x[i] = np.ones_like(x[i], np.int32)
        with pytest.raises(TypeError, match=f"{argument} must be floating, not int32"):
            call(name, tuple(x))
