"""Layers of experts, for flax.linen."""

from collections.abc import Callable

import jax
from flax import linen as nn
from flax.linen import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_positive
from diffsort.experts import Routing, mixture_of_experts, require_experts, route
from diffsort.implementations import ImplementationLike
from diffsort.linen._parameters import features_of, parameter

__all__ = ["MixtureOfExperts"]

_router_init = jax.nn.initializers.lecun_normal()
_kernel_init = jax.nn.initializers.lecun_normal(batch_axis=0)  # of each expert by itself


class MixtureOfExperts(nn.Module):
    """A sparse mixture of experts: each token goes through the few that a router chooses for it.

    The twin of `diffsort.nnx.MixtureOfExperts`; the number of input features is that of the first input.

    Attributes:
        features: features of the output.
        num_experts: how many experts there are.
        hidden_features: features between the two layers of an expert.
        num_selected: how many experts a token goes to.
        activation: what is between these layers; it keeps 0 as it is.
        router_init: initializer of the parameter `router`, of shape (in_features, num_experts).
        kernel_in_init: initializer of the parameter `kernel_in`, of shape (num_experts, in_features,
            hidden_features).
        kernel_out_init: initializer of the parameter `kernel_out`, of shape (num_experts, hidden_features,
            features).
        dtype: dtype of the computation; by default that of the input and the parameters together.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`; it must have a permutation.

    >>> import diffsort.linen, jax, jax.numpy as jnp
    >>> layer = diffsort.linen.MixtureOfExperts(5, 4, hidden_features=8, num_selected=2)
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((2, 7, 3)))[0].shape
    (2, 7, 5)
    """

    features: int
    num_experts: int
    hidden_features: int
    num_selected: int = 1
    activation: Callable[[jax.Array], jax.Array] = jax.nn.gelu
    router_init: Initializer = _router_init
    kernel_in_init: Initializer = _kernel_init
    kernel_out_init: Initializer = _kernel_init
    dtype: Dtype | None = None
    param_dtype: Dtype = jnp.float32
    implementation: ImplementationLike = "manual"

    @nn.compact
    def __call__(self, x: ArrayLike, where: jax.Array | None = None) -> jax.Array:
        """Applies the layer.

        Args:
            x: shape (..., in_features).
            where: boolean mask of tokens, (...); those masked come back as 0.

        Returns:
            Shape (..., features).

        Raises:
            TypeError: a size is not an integer.
            ValueError: a size is less than 1, or `num_selected` greater than `num_experts`.
        """
        require_positive(features=self.features, hidden_features=self.hidden_features)
        require_experts(self.num_experts, self.num_selected)
        x = jnp.asarray(x)
        router = self._router(x)
        first = self.num_experts, x.shape[-1], self.hidden_features
        second = self.num_experts, self.hidden_features, self.features
        kernel_in = parameter(self, "kernel_in", self.kernel_in_init, first, self.param_dtype)
        kernel_out = parameter(self, "kernel_out", self.kernel_out_init, second, self.param_dtype)
        x, router, kernel_in, kernel_out = map(
            jnp.asarray, dtypes.promote_dtype(x, router, kernel_in, kernel_out, dtype=self.dtype)
        )
        return mixture_of_experts(
            x,
            router,
            kernel_in,
            kernel_out,
            self.num_selected,
            activation=self.activation,
            where=where,
            implementation=self.implementation,
        )

    @nn.compact
    def routing(self, x: ArrayLike) -> Routing:
        """Returns where the tokens (..., in_features) go; for `apply(..., method="routing")`."""
        x = jnp.asarray(x)
        x, router = dtypes.promote_dtype(x, self._router(x), dtype=self.dtype)
        return route(x @ router, self.num_selected, implementation=self.implementation)

    def _router(self, x: jax.Array) -> jax.Array:
        shape = features_of(x, self, "router"), self.num_experts
        return parameter(self, "router", self.router_init, shape, self.param_dtype)
