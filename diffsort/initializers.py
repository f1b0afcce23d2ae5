"""How parameters of the layers begin, as functions of a key, a shape and a dtype."""

import math

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

__all__ = ["cayley_normal", "evenly_spaced", "identity_or_normal", "uniform_by_length"]


def cayley_normal(key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
    r"""A kernel whose Cayley transform is far from any particular matrix, and well conditioned.

    The transform takes kernels near 0 to matrices near the identity, and large ones near its negative.
    Between them lies a scale where the result, like a uniformly distributed orthogonal matrix, has no
    trace on average. For independent normal entries of variance $s^2$ in a kernel of
    $n + p$ by $n$, free probability gives it, with $t = n s^2$, as the solution of

    $$t + \frac{p}{n} \cdot \frac{t}{1 + t/2} = 1,$$

    which is $s^2 = 1/n$ for a square kernel and close to $1/(n + p)$ for all. The distribution is the same
    in every orthonormal basis, and the angles of a square kernel's rotation spread over ±141°, which keeps
    the condition number of $I + A$ near 3 and gradients alive.

    Args:
        key: random key.
        shape: (in_features, out_features).
        dtype: of the kernel.

    Returns:
        The kernel, for `diffsort.orthogonal.cayley`.

    >>> import jax
    >>> cayley_normal(jax.random.key(0), (3, 5)).shape
    (3, 5)
    """
    n, p = min(shape), max(shape) - min(shape)
    half = 0.5 + p / max(n, 1)
    t = math.sqrt(half**2 + 2) - half
    return jax.random.normal(key, shape, dtype) * jnp.asarray(math.sqrt(t / max(n, 1)), dtype)


def identity_or_normal(key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Directions along the axes of the features; normally distributed ones where there are more of them.

    Args:
        key: random key.
        shape: (num_features, num_projections).
        dtype: of the directions.

    Source: the code of Naderializadeh et al., Pooling by sliced-Wasserstein embedding, NeurIPS 2021.

    >>> import jax
    >>> identity_or_normal(jax.random.key(0), (3, 2))
    Array([[1., 0.],
           [0., 1.],
           [0., 0.]], dtype=float32)
    """
    if shape[1] <= shape[0]:
        return jnp.eye(shape[0], shape[1], dtype=dtype)
    return jax.random.normal(key, shape, dtype)


def evenly_spaced(key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Points from −1 to 1 along the first axis, the same in every column.

    Args:
        key: not used: nothing here is random.
        shape: (num_points, num_projections).
        dtype: of the points.

    Source: as for `identity_or_normal`.

    >>> import jax
    >>> evenly_spaced(jax.random.key(0), (3, 2))
    Array([[-1., -1.],
           [ 0.,  0.],
           [ 1.,  1.]], dtype=float32)
    """
    del key
    return jnp.broadcast_to(jnp.linspace(-1, 1, shape[0], dtype=dtype)[:, None], shape)


def uniform_by_length(key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
    r"""A vector of c independent entries, uniform in $\pm 1/\sqrt{c}$.

    Args:
        key: random key.
        shape: (c,).
        dtype: of the vector.

    Source: `TopKPooling` of PyTorch Geometric.

    >>> import jax
    >>> bool(abs(uniform_by_length(jax.random.key(0), (4,))).max() <= 0.5)
    True
    """
    bound = 1 / math.sqrt(shape[0])
    return jax.random.uniform(key, shape, dtype, -bound, bound)
