"""How parameters of the layers begin, as functions of a key, a shape and a dtype."""

import math

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike


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
