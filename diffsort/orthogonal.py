"""Kernels with orthonormal rows or columns, and the dense layer made of one."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from diffsort._arguments import real_array
from diffsort._precision import at_least_float32


def cayley(kernel: ArrayLike) -> jax.Array:
    r"""Returns the semi-orthogonal matrix that the Cayley transform makes of `kernel`.

    With the rows of a tall kernel split into a square $U$ and the rest $V$, and
    $A = U - U^\top + V^\top V$,

    $$Q = \begin{pmatrix} (I - A)(I + A)^{-1} \\ -2 V (I + A)^{-1} \end{pmatrix}, \qquad Q^\top Q = I;$$

    a wide kernel is transposed before and after. $I + A$ is never singular, so every kernel will do. A
    square $Q$ is a rotation: its determinant is 1.

    Args:
        kernel: any matrix, shape (m, n), floating. Entries of size $1/\sqrt{\max(m, n)}$ keep $I + A$ well
            conditioned; the error of $Q^\top Q$ grows with its condition number.

    Returns:
        Q, shape (m, n), in float32 at least: orthonormal columns if m ≥ n, orthonormal rows if m ≤ n.

    Raises:
        TypeError: `kernel` is not floating.
        ValueError: `kernel` is no matrix.

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
        ValueError: the shapes do not fit.

    Source: as for `cayley`.

    >>> import jax.numpy as jnp
    >>> y = orthogonal_dense(jnp.array([[3., 4.]]), jnp.ones((2, 5)))
    >>> y.shape, float(jnp.linalg.norm(y)).__round__(5)
    ((1, 5), 5.0)
    """
    x, kernel = real_array(x), _matrix(kernel)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"x must be floating, not {x.dtype}; use x.astype(float).")
    if x.ndim < 1 or x.shape[-1] != kernel.shape[0]:
        raise ValueError(f"x of shape {x.shape} does not fit a kernel of shape {kernel.shape}.")
    if bias is not None:
        bias = real_array(bias, "bias")
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
    n = kernel.shape[1]
    u, v = kernel[:n], kernel[n:]
    identity = jnp.eye(n, dtype=kernel.dtype)
    a = u - u.T + jnp.matmul(v.T, v, precision=lax.Precision.HIGHEST)
    # (I − A)(I + A)⁻¹ = 2(I + A)⁻¹ − I: one inverse, of norm at most 1, serves both blocks.
    inverse = jnp.linalg.solve(identity + a, identity)
    below = jnp.matmul(v, inverse, precision=lax.Precision.HIGHEST)
    return jnp.concatenate([2 * inverse - identity, -2 * below])


def _matrix(kernel: ArrayLike) -> jax.Array:
    array = real_array(kernel, "kernel")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(f"kernel must be floating, not {array.dtype}; use kernel.astype(float).")
    if array.ndim != 2:
        raise ValueError(f"kernel must be a matrix, not of shape {array.shape}.")
    return array
