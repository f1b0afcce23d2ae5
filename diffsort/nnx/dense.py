"""Dense layers that keep distances, for flax.nnx."""

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import flag, require_features, require_positive
from diffsort.initializers import cayley_normal
from diffsort.nnx._parameters import NO_METADATA, Metadata, parameter
from diffsort.orthogonal import orthogonal_dense

__all__ = ["OrthogonalDense"]


class OrthogonalDense(nnx.Module):
    """A dense layer whose kernel is made semi-orthogonal by the Cayley transform.

    1-Lipschitz in the 2-norm, and an isometry if out_features ≥ in_features. See
    `diffsort.orthogonal.cayley` for the formula and the source (Trockman and Kolter 2021).

    Attributes:
        kernel: before the transform, shape (in_features, out_features).
        bias: shape (out_features,), or None.

    Args:
        in_features: features of the input.
        out_features: features of the output.
        use_bias: whether to add a bias.
        kernel_init: initializer of the kernel. The default makes it, once transformed, as far from the
            identity as from its negative; see `diffsort.initializers.cayley_normal`.
        kernel_metadata: for its `nnx.Param`, such as how it is sharded.
        bias_init: initializer of the bias.
        bias_metadata: for its `nnx.Param`.
        dtype: dtype of the computation; by default that of the input and the parameters together. The
            kernel is transformed in float32 at least, then cast: in bfloat16 the layer is 1-Lipschitz up to
            that type's rounding.
        param_dtype: dtype of the parameters.
        rngs: random streams; "params" is used.

    Raises:
        TypeError: `use_bias` is not a boolean.
        ValueError: `in_features` or `out_features` is less than 1.

    >>> from flax import nnx
    >>> import diffsort.nnx, jax.numpy as jnp
    >>> layer = diffsort.nnx.OrthogonalDense(3, 8, rngs=nnx.Rngs(0))
    >>> float(jnp.linalg.norm(layer(jnp.array([1., 2., 2.])))).__round__(5)
    3.0
    """

    bias: nnx.Param[jax.Array] | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        use_bias: bool = True,
        kernel_init: Initializer = cayley_normal,
        kernel_metadata: Metadata = NO_METADATA,
        bias_init: Initializer = jax.nn.initializers.zeros,
        bias_metadata: Metadata = NO_METADATA,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        rngs: nnx.Rngs,
    ) -> None:
        require_positive(in_features=in_features, out_features=out_features)
        shape = in_features, out_features
        self.kernel = parameter("kernel", kernel_init, shape, param_dtype, kernel_metadata, rngs)
        self.bias = (
            parameter("bias", bias_init, (out_features,), param_dtype, bias_metadata, rngs)
            if flag(use_bias, "use_bias")
            else None
        )
        self.dtype = dtype

    def __call__(self, x: ArrayLike) -> jax.Array:
        """Applies the layer.

        Args:
            x: shape (..., in_features).

        Returns:
            Shape (..., out_features).
        """
        x = jnp.asarray(x)
        require_features(x, self.kernel.shape[0], self)
        kernel, bias = self.kernel[...], None if self.bias is None else self.bias[...]
        # The kernel counts for the dtype, but is not rounded to it before it is transformed.
        x, _, bias = dtypes.promote_dtype((x, kernel, bias), dtype=self.dtype)
        return orthogonal_dense(x, kernel, bias)
