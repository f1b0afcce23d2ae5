"""Kernels with orthonormal rows or columns, and the dense layer made of one."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import floating
from diffsort._precision import at_least_float32

__all__ = ["cayley", "orthogonal_dense"]


def cayley(kernel: ArrayLike) -> jax.Array:
    r"""Returns the semi-orthogonal matrix that the Cayley transform makes of `kernel`.

    With the rows of a tall kernel split into a square $U$ and the rest $V$, and
    $A = U - U^\top + V^\top V$,

    $$Q = \begin{pmatrix} (I - A)(I + A)^{-1} \\ -2 V (I + A)^{-1} \end{pmatrix}, \qquad Q^\top Q = I;$$

    a wide kernel is transposed before and after. $I + A$ is never singular, so every kernel will do. A
    square $Q$ is a rotation: its determinant is 1.

    What is returned has a spectral norm of 1 to rounding, whatever the entries: Q is corrected towards the
    nearest semi-orthogonal matrix. Its columns or rows are orthonormal to rounding while $U - U^\top$ has a
    norm below $10^5$ (in float32); far beyond, they may come out shorter, or NaN where $I + A$ is singular
    in that precision.

    Args:
        kernel: any matrix, shape (m, n), floating. Entries of size $1/\sqrt{\max(m, n)}$ keep $I + A$ well
            conditioned, and so Q near the formula's; gradients vanish as they grow.

    Returns:
        Q, shape (m, n), in float32 at least: orthonormal columns if m ≥ n, orthonormal rows if m ≤ n.

    Raises:
        TypeError: `kernel` is not floating.
        ValueError: `kernel` is not a matrix.

    Source: A. Trockman, J. Z. Kolter, Orthogonalizing convolutional layers with the Cayley transform,
    ICLR 2021, section 4 and appendix.

    >>> import jax.numpy as jnp
    >>> quarter_turn = cayley(jnp.array([[0., 1.], [0., 0.]]))
    >>> quarter_turn @ jnp.array([1., 2.])
    Array([-2.,  1.], dtype=float32)
    """
    return _cayley(_matrix(kernel))


def orthogonal_dense(x: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None = None) -> jax.Array:
    r"""A dense layer with a semi-orthogonal kernel: $y = x\,Q + b$ with $Q$ the `cayley` of `kernel`.

    It is 1-Lipschitz in the 2-norm, and keeps distances where `out_features ≥ in_features`. For that the
    product is computed in full precision, where a GPU's or TPU's default would round the factors.

    Args:
        x: shape (..., in_features), floating.
        kernel: shape (in_features, out_features), floating; made orthogonal in float32 at least.
        bias: shape (out_features,), or None.

    Returns:
        Shape (..., out_features), in the dtype of `x`.

    Raises:
        TypeError: `x`, `kernel` or `bias` is not floating.
        ValueError: `kernel` is not a matrix with a row for each feature of `x`, or `bias` has not a number
            for each column.

    Source: as for `cayley`.

    >>> import jax.numpy as jnp
    >>> y = orthogonal_dense(jnp.array([[3., 4.]]), jnp.ones((2, 5)))
    >>> y.shape, float(jnp.linalg.norm(y)).__round__(5)
    ((1, 5), 5.0)
    """
    x, kernel = floating(x, "x"), _matrix(kernel)
    if x.ndim < 1 or x.shape[-1] != kernel.shape[0]:
        raise ValueError(f"x of shape {x.shape} does not fit a kernel of shape {kernel.shape}.")
    if bias is not None:
        bias = floating(bias, "bias")
        if bias.shape != kernel.shape[1:]:
            raise ValueError(f"bias has shape {bias.shape}, but the kernel {kernel.shape}.")
        bias = bias.reshape((1,) * (x.ndim - 1) + bias.shape)
    return _dense(x, kernel, bias)


@jax.jit
def _dense(x: jax.Array, kernel: jax.Array, bias: jax.Array | None) -> jax.Array:
    y = jnp.matmul(x, _cayley(kernel).astype(x.dtype), precision=lax.Precision.HIGHEST)
    return y if bias is None else y + bias.astype(x.dtype)


@jax.jit
def _cayley(kernel: jax.Array) -> jax.Array:
    kernel = at_least_float32(kernel)
    m, n = kernel.shape
    return _tall_cayley(kernel) if m >= n else _tall_cayley(kernel.T).T


def _tall_cayley(kernel: jax.Array) -> jax.Array:
    inverse, v_inverse = _inverses(kernel)
    # (I − A)(I + A)⁻¹ = 2(I + A)⁻¹ − I: one inverse, of norm at most 1, serves both blocks.
    q = jnp.concatenate([_add_to_diagonal(2 * inverse, -1), -2 * v_inverse])
    # In exact arithmetic the correction is 0 for every kernel, so it has no derivative of any order.
    return q + lax.stop_gradient(_orthonormal(q) - q)


def _inverses(kernel: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns (I + A)⁻¹ and V (I + A)⁻¹."""
    n = kernel.shape[1]
    u, v = kernel[:n], kernel[n:]
    skew = u - u.T
    if not v.size:
        inverse = jnp.linalg.solve(_add_to_diagonal(skew, 1), jnp.eye(n, dtype=kernel.dtype))
        return inverse, v
    # In I + A, VᵀV would drown the rest where V is large. With (V; I) = (P₂; P₁) R instead, P orthonormal,
    # I + A = Rᵀ (I + K) R for a K = P₁ᵀ (U − Uᵀ) P₁ that is antisymmetric too, and all factors of
    # (I + A)⁻¹ = P₁ (I + K)⁻¹ P₁ᵀ are bounded by 1. V comes first: QR keeps small rows below large ones.
    p, _ = jnp.linalg.qr(jnp.concatenate([v, jnp.eye(n, dtype=kernel.dtype)]))
    p2, p1 = p[: v.shape[0]], p[v.shape[0] :]
    k = _product(p1.T, _product(skew, p1))
    solved = jnp.linalg.solve(_add_to_diagonal((k - k.T) / 2, 1), p1.T)
    return _product(p1, solved), _product(p2, solved)


def _orthonormal(q: jax.Array) -> jax.Array:
    """Returns `q` nearer to having orthonormal columns, and with a norm of 1 at most, to rounding.

    Two steps of Newton and Schulz, Q (3I − QᵀQ)/2, which take a singular value σ to σ (3 − σ²)/2: its
    distance from 1 is squared, and what begins below 2 ends in [0, 1].
    """
    for _ in range(2):
        gram = _product(q.T, q)
        excess = jnp.maximum(jnp.max(jnp.sum(jnp.abs(gram), 1), initial=0) / 2, 1)
        q, gram = q / jnp.sqrt(excess), gram / excess  # now of norm √2 at most
        q = q - _product(q, _add_to_diagonal(gram, -1)) / 2
    return q


def _add_to_diagonal(matrix: jax.Array, value: float) -> jax.Array:
    # Not `matrix + value * jnp.eye(n)`: XLA takes time to compile that, for CPUs, which grows with n² where
    # `matrix` is x − xᵀ: 20 s at n = 512.
    row, column = (lax.broadcasted_iota(jnp.int32, matrix.shape, axis) for axis in (0, 1))
    return jnp.where(row == column, matrix + jnp.asarray(value, matrix.dtype), matrix)


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)


def _matrix(kernel: ArrayLike) -> jax.Array:
    array = floating(kernel, "kernel")
    if array.ndim != 2:
        raise ValueError(f"kernel must be a matrix, not of shape {array.shape}.")
    return array
