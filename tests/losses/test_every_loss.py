"""What holds for every loss: for the reducers of losses and for those between samples."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.losses.cases import CASES, Case
from tests.oracles import IMPLEMENTATIONS

Arrays = tuple[np.ndarray, ...]

with_cases = pytest.mark.parametrize("name", CASES)


def arrays(lengths: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> Arrays:
    """Three rows for each argument; the second is shifted, so that there is something to lose."""
    random = np.random.default_rng(seed)
    return tuple(
        (random.standard_normal((3, n)) + shift).astype(dtype) for shift, n in enumerate(lengths, start=1)
    )


def some_masks(lengths: tuple[int, ...]) -> Arrays:
    """One element of four is masked; of a length of 1 none."""
    return tuple((np.arange(n) % 4 != 1) | (n == 1) for n in lengths)


def call(
    case: Case,
    values: Arrays,
    masks: tuple[np.ndarray | None, ...] | None = None,
    axis: int = -1,
    implementation: str = "manual",
) -> jax.Array:
    masks = (None,) * len(values) if masks is None else masks
    return case.loss(values, masks, axis, implementation)


@with_cases
def test_values_and_gradients_agree_with_an_oracle(name: str) -> None:
    case, step = CASES[name], 1e-6

    @jax.jit
    def derivatives(x: Arrays, direction: Arrays) -> tuple[jax.Array, jax.Array, Arrays]:
        value, pull_back = jax.vjp(partial(call, case), x)
        _, tangent = jax.jvp(partial(call, case), (x,), (direction,))
        return value, tangent, pull_back(jnp.ones_like(value))[0]

    with jax.enable_x64(True):
        for lengths in case.lengths:
            x, direction = arrays(lengths), arrays(lengths, seed=1)
            around = zip(x, direction, strict=True)
            nine = tuple(np.concatenate([a, a + step * d, a - step * d]) for a, d in around)
            value, tangent, gradients = derivatives(nine, tuple(np.concatenate([d] * 3) for d in direction))
            here, ahead, behind = np.split(value, 3)
            expected = [case.oracle(*row) for row in zip(*x, strict=True)]
            np.testing.assert_allclose(here, expected, rtol=1e-10)
            np.testing.assert_allclose(tangent[:3], (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-8)
            along = sum((g[:3] * d).sum(1) for g, d in zip(gradients, direction, strict=True))
            np.testing.assert_allclose(along, tangent[:3], rtol=1e-10, atol=1e-13)


@with_cases
def test_every_implementation_gives_the_same(name: str) -> None:
    case = CASES[name]
    lengths = case.lengths[0]
    x, masks = arrays(lengths, "float32"), some_masks(lengths)

    def all_of_them(x: Arrays) -> list[tuple[jax.Array, Arrays]]:
        def summed(x: Arrays, implementation: str) -> tuple[jax.Array, jax.Array]:
            value = call(case, x, masks, implementation=implementation)
            return value.sum(), value

        return [jax.value_and_grad(summed, has_aux=True)(x, name) for name in IMPLEMENTATIONS]

    results = jax.jit(all_of_them)(x)
    (_, expected), expected_gradients = results[IMPLEMENTATIONS.index("builtin")]
    for (_, actual), gradients in results:
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-7)
        for g, e in zip(gradients, expected_gradients, strict=True):
            np.testing.assert_allclose(g, e, rtol=1e-6, atol=1e-7)


@with_cases
def test_a_mask_is_a_slice_and_what_it_hides_is_never_seen(name: str) -> None:
    case = CASES[name]
    lengths = case.lengths[1]
    x, masks = arrays(lengths, "float32"), some_masks(lengths)
    garbage = [np.resize(np.array([np.nan, np.inf, -np.inf], np.float32), n) for n in lengths]
    hidden = tuple(np.where(w, a, g) for a, w, g in zip(x, masks, garbage, strict=True))
    sliced = tuple(a[:, w] for a, w in zip(x, masks, strict=True))

    @jax.jit
    def value_and_gradients(x: Arrays, masks: Arrays | None) -> tuple[jax.Array, Arrays]:
        value, pull_back = jax.vjp(lambda x: call(case, x, masks), x)
        return value, pull_back(jnp.ones_like(value))[0]

    value, gradients = value_and_gradients(hidden, masks)
    expected, expected_gradients = value_and_gradients(sliced, None)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    for g, e, w in zip(gradients, expected_gradients, masks, strict=True):
        np.testing.assert_allclose(g[:, w], e, rtol=1e-5, atol=1e-6)
        assert not np.asarray(g)[:, ~w].any()


@with_cases
def test_of_nothing_is_zero_with_a_gradient_of_zero(name: str) -> None:
    case = CASES[name]
    lengths = case.lengths[0]
    x = arrays(lengths, "float32")
    for nothing in range(case.maskable):
        masks = tuple(np.full((3, n), i != nothing) for i, n in enumerate(lengths))
        hidden = tuple(np.full_like(a, np.nan) if i == nothing else a for i, a in enumerate(x))
        value, pull_back = jax.vjp(lambda x, masks=masks: call(case, x, masks), hidden)
        assert not np.asarray(value).any()
        for gradient in pull_back(jnp.ones_like(value))[0]:
            assert not np.asarray(gradient).any()


@with_cases
def test_axes_batches_and_transformations(name: str) -> None:
    case = CASES[name]
    lengths = case.lengths[0]
    random = np.random.default_rng(0)
    x = tuple(random.standard_normal((4, n, 3)).astype(np.float32) for n in lengths)
    rows = tuple(np.moveaxis(a, 1, 2).reshape(12, -1) for a in x)
    expected = np.reshape(call(case, rows), (4, 3))
    in_front = tuple(np.moveaxis(a, 1, 0) for a in x)
    for actual in (
        call(case, x, axis=-2),
        jax.jit(partial(call, case, axis=0))(in_front),
        jax.vmap(jax.vmap(partial(call, case), in_axes=-1))(x),
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@with_cases
def test_the_order_within_an_argument_does_not_matter(name: str) -> None:
    case = CASES[name]
    x = arrays(case.lengths[1], "float32")
    random = np.random.default_rng(0)
    shuffled = tuple(random.permutation(a, axis=1) for a in x)
    np.testing.assert_allclose(call(case, x), call(case, shuffled), rtol=1e-5, atol=1e-6)


@with_cases
def test_nan_is_passed_on(name: str) -> None:
    case = CASES[name]
    for i in range(len(case.names)):
        x = arrays(case.lengths[0], "float32")
        x[i][1, -1] = np.nan
        assert np.isnan(call(case, x)).tolist() == [False, True, False]


@with_cases
def test_bfloat16_is_kept_and_computed_in_float32(name: str) -> None:
    case = CASES[name]
    narrow = tuple(jnp.asarray(a, jnp.bfloat16) for a in arrays(case.lengths[1], "float32"))
    value = call(case, narrow)
    assert value.dtype == jnp.bfloat16
    wide = call(case, tuple(a.astype(jnp.float32) for a in narrow))
    np.testing.assert_allclose(
        value.astype(jnp.float32), wide.astype(jnp.bfloat16).astype(jnp.float32), rtol=0.008
    )


@with_cases
def test_the_second_derivative_is_finite(name: str) -> None:
    case = CASES[name]
    x = arrays(case.lengths[0], "float32")

    def slope(x: Arrays) -> jax.Array:
        gradients = jax.grad(lambda x: call(case, x).sum())(x)
        return sum((g**2).sum() for g in gradients)

    assert all(np.isfinite(g).all() for g in jax.jit(jax.grad(slope))(x))


@with_cases
def test_integers_are_refused(name: str) -> None:
    case = CASES[name]
    for i, argument in enumerate(case.names):
        x = list(arrays(case.lengths[0], "float32"))
        x[i] = np.ones_like(x[i], np.int32)
        with pytest.raises(TypeError, match=f"{argument} must be floating, not int32"):
            call(case, tuple(x))
