"""Dense layers that keep distances, for flax.linen."""

import jax
from flax import linen as nn
from flax.linen import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import flag, require_positive
from diffsort.initializers import cayley_normal
from diffsort.linen._parameters import features_of, parameter
from diffsort.orthogonal import orthogonal_dense

__all__ = ["OrthogonalDense"]


class OrthogonalDense(nn.Module):
    """A dense layer whose kernel is made semi-orthogonal by the Cayley transform.

    The twin of `diffsort.nnx.OrthogonalDense`; the number of input features is that of the first input.

    Attributes:
        features: features of the output.
        use_bias: whether to add a bias.
        kernel_init: initializer of the parameter `kernel`, of shape (in_features, features).
        bias_init: initializer of the parameter `bias`, of shape (features,).
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.

    >>> import diffsort.linen, jax, jax.numpy as jnp
    >>> y, _ = diffsort.linen.OrthogonalDense(8).init_with_output(jax.random.key(0), jnp.array([1., 2., 2.]))
    >>> float(jnp.linalg.norm(y)).__round__(5)
    3.0
    """

    features: int
    use_bias: bool = True
    kernel_init: Initializer = cayley_normal
    bias_init: Initializer = jax.nn.initializers.zeros
    dtype: Dtype | None = None
    param_dtype: Dtype = jnp.float32

    @nn.compact
    def __call__(self, x: ArrayLike) -> jax.Array:
        """Applies the layer.

        Args:
            x: shape (..., in_features).

        Returns:
            Shape (..., features).

        Raises:
            TypeError: `use_bias` is not a boolean.
            ValueError: `features` is less than 1.
        """
        require_positive(features=self.features)
        x = jnp.asarray(x)
        shape = features_of(x, self, "kernel"), self.features
        kernel = parameter(self, "kernel", self.kernel_init, shape, self.param_dtype)
        bias = None
        if flag(self.use_bias, "use_bias"):
            bias = parameter(self, "bias", self.bias_init, (self.features,), self.param_dtype)
        # The kernel counts for the dtype, but is not rounded to it before it is transformed.
        x, _, bias = dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        return orthogonal_dense(x, kernel, bias)
