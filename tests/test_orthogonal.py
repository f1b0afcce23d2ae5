"""Semi-orthogonal kernels: orthonormal to rounding, and spread at first."""

import re
from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest

from diffsort.initializers import cayley_normal
from diffsort.orthogonal import cayley, orthogonal_dense

SHAPES = [(1, 1), (4, 4), (7, 3), (3, 7), (1, 5), (24, 20)]


def kernel(shape: tuple[int, int], seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return scale * np.asarray(cayley_normal(jax.random.key(seed), shape))


def gram(q: jax.Array) -> np.ndarray:
    """QᵀQ of a tall matrix, QQᵀ of a wide one, in float64."""
    q = np.asarray(q, np.float64)
    return q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T


def singular_values(q: jax.Array) -> np.ndarray:
    return np.linalg.svd(np.asarray(q, np.float64), compute_uv=False)


def enlarged(w: np.ndarray, part: str, scale: float) -> np.ndarray:
    """`w` with all of it, its last row or all that is not square times `scale`."""
    w = w.copy()
    square = min(w.shape)
    {"whole": w, "last row": w[-1:], "rows": w[square:], "columns": w[:, square:]}[part][...] *= scale
    return w


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
def test_orthonormal_to_rounding(shape: tuple[int, int], scale: float) -> None:
    q = cayley(kernel(shape, scale=scale))
    np.testing.assert_allclose(gram(q), np.eye(min(shape)), atol=1e-6)
    with jax.enable_x64(True):
        q = cayley(kernel(shape, scale=scale).astype(np.float64))
        np.testing.assert_allclose(gram(q), np.eye(min(shape)), atol=1e-14)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("part", ["whole", "last row", "rows", "columns"])
@pytest.mark.parametrize("shape", [(2, 2), (33, 33), (33, 32), (32, 33), (40, 8), (8, 40), (129, 128)])
def test_no_kernel_is_too_large(shape: tuple[int, int], part: str, dtype: jnp.dtype) -> None:
    """A norm of 1 is a certificate: of 1 + a few units in the last place, whatever the entries are."""
    transform = jax.jit(cayley)
    for scale in (1e-3, 1.0, 30.0, 1e3, 1e4, 1e6, 1e9):
        w = enlarged(np.sqrt(max(shape)) * kernel(shape), part, scale)
        found = singular_values(transform(jnp.asarray(w, dtype)))
        assert found[0] <= 1 + 8 * np.finfo(np.float32).eps, scale
        if scale <= 1e4:
            assert found[-1] >= 1 - 8 * np.finfo(np.float32).eps, scale


def test_a_large_row_changes_no_other_digit() -> None:
    w = enlarged(kernel((33, 32)), "last row", 1e4)
    along = kernel((33, 32), 1)

    @jax.jit
    @jax.value_and_grad
    def value_and_gradient(w: jax.Array) -> jax.Array:
        return jnp.sum(cayley(w) * along.astype(w.dtype))

    found = value_and_gradient(w)
    with jax.enable_x64(True):
        exact = value_and_gradient(w.astype(np.float64))
        before, after = (np.asarray(cayley(w + step * along.astype(float))) for step in (-1e-6, 1e-6))
        slope = np.sum((after - before) / 2e-6 * along)
    np.testing.assert_allclose(np.sum(np.asarray(exact[1]) * along), slope, rtol=1e-6)
    np.testing.assert_allclose(found[0], exact[0], rtol=1e-5)
    np.testing.assert_allclose(found[1], exact[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 6), (8, 5)])
def test_no_identity_is_added_where_xla_would_take_long(shape: tuple[int, int]) -> None:
    """Compiling eye(n) + x − xᵀ for a CPU takes time that grows with n², 20 s at n = 512."""
    for function in jax.jit(cayley).lower(kernel(shape)).as_text().split("func.func"):
        identities = re.findall(r"(%\w+) = (?:stablehlo.convert|call @_?eye)[^\n]*i1>", function)
        sums = re.findall(r"stablehlo.(?:add|subtract) (%\w+), (%\w+)", function)
        assert not set(identities) & {operand for pair in sums for operand in pair}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_formula_of_the_paper(shape: tuple[int, int]) -> None:
    w = kernel(shape).astype(np.float64)
    tall = w if shape[0] >= shape[1] else w.T
    n = tall.shape[1]
    u, v, identity = tall[:n], tall[n:], np.eye(n)
    a = u - u.T + v.T @ v
    inverse = np.linalg.inv(identity + a)
    expected = np.concatenate([inverse @ (identity - a), -2 * v @ inverse])
    with jax.enable_x64(True):
        q = np.asarray(cayley(w))
    np.testing.assert_allclose(q if shape[0] >= shape[1] else q.T, expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(64, 64), (64, 48), (32, 64), (160, 16)])
def test_the_default_kernel_is_spread_like_a_uniform_one(shape: tuple[int, int]) -> None:
    n, longest = min(shape), max(shape)
    qs = np.stack([cayley(kernel(shape, seed)) for seed in range(4)])
    qs = qs if shape[0] >= shape[1] else qs.swapaxes(1, 2)
    squares = qs[:, :n]
    # Uniformly distributed: trace 0, and every entry of variance 1/longest.
    assert abs(np.trace(squares, axis1=1, axis2=2).mean()) / n < 0.04
    assert 0.7 < np.mean(squares**2) * longest < 1.3
    off_diagonal = squares[:, ~np.eye(n, dtype=bool)]
    assert 0.6 < np.mean(off_diagonal**2) * longest < 1.3
    with jax.enable_x64(True):
        w = kernel(shape).astype(np.float64)
        w = w if shape[0] >= shape[1] else w.T
        u, v = w[:n], w[n:]
        assert np.linalg.cond(np.eye(n) + u - u.T + v.T @ v) < 5


def test_a_square_kernel_is_a_rotation_of_widely_spread_angles() -> None:
    q = np.asarray(cayley(kernel((128, 128))), np.float64)
    np.testing.assert_allclose(np.linalg.det(q), 1, rtol=1e-4)
    angles = np.abs(np.angle(np.linalg.eigvals(q)))
    assert angles.min() < 0.1
    np.testing.assert_allclose(angles.max(), 2 * np.arctan(np.sqrt(8)), atol=0.1)


def test_the_layer_is_a_dense_one() -> None:
    x, w = kernel((6, 5)), kernel((5, 4))
    bias = np.arange(4, dtype=np.float32)
    expected = x.astype(np.float64) @ np.asarray(cayley(w), np.float64)
    np.testing.assert_allclose(orthogonal_dense(x, w), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(orthogonal_dense(x, w, bias), expected + bias, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(orthogonal_dense(x[0], w, bias), expected[0] + bias, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_gradients_are_finite_differences(shape: tuple[int, int]) -> None:
    with jax.enable_x64(True):
        arguments = (kernel((2, shape[0]), 1), kernel(shape), kernel((1, shape[1]))[0])
        arguments = tuple(a.astype(np.float64) for a in arguments)
        jax.test_util.check_grads(orthogonal_dense, arguments, order=1, modes=["fwd", "rev"], rtol=1e-5)


def test_second_derivatives_are_finite_differences() -> None:
    with jax.enable_x64(True):
        w, along = (kernel((5, 3), seed).astype(np.float64) for seed in (0, 1))

        @jax.jit
        def gradient(w: jax.Array) -> jax.Array:
            return jax.grad(lambda w: jnp.sum(jnp.sin(cayley(w))))(w)

        _, tangent = jax.jvp(gradient, (w,), (along,))
        difference = (gradient(w + 1e-6 * along) - gradient(w - 1e-6 * along)) / 2e-6
        np.testing.assert_allclose(tangent, difference, rtol=1e-6, atol=1e-8)


def test_jit_and_vmap() -> None:
    kernels = np.stack([kernel((4, 6), seed) for seed in range(3)])
    each = np.stack([cayley(k) for k in kernels])
    np.testing.assert_allclose(jax.vmap(cayley)(kernels), each, atol=1e-6)
    np.testing.assert_array_equal(jax.jit(cayley)(kernels[0]), each[0])


def test_narrow_parameters_are_transformed_in_float32() -> None:
    w = jnp.asarray(kernel((16, 16)), jnp.bfloat16)
    assert cayley(w).dtype == jnp.float32
    np.testing.assert_allclose(gram(cayley(w)), np.eye(16), atol=1e-6)
    assert orthogonal_dense(jnp.ones((2, 16), jnp.bfloat16), w).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: cayley(jnp.ones(3)), ValueError, r"must be a matrix, not of shape \(3,\)"),
        (lambda: cayley(jnp.ones((3, 3), int)), TypeError, "kernel must be floating, not int32"),
        (lambda: orthogonal_dense(jnp.ones((2, 3)), jnp.ones((4, 2))), ValueError, r"\(2, 3\).*\(4, 2\)"),
        (lambda: orthogonal_dense(jnp.ones(3, int), jnp.ones((3, 2))), TypeError, "x must be floating"),
        (lambda: orthogonal_dense(jnp.ones(3), jnp.ones((3, 2)), jnp.ones(3)), ValueError, r"bias.*\(3,\)"),
    ],
)
def test_mistakes(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
