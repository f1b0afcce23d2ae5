"""Layers of experts, for flax.nnx."""

from collections.abc import Callable

import jax
from flax import nnx
from flax.nnx.nn import dtypes
from flax.typing import Dtype, Initializer
from jax import numpy as jnp
from jax.typing import ArrayLike

from diffsort._arguments import require_features, require_positive
from diffsort.experts import Routing, mixture_of_experts, require_experts, route
from diffsort.implementations import ImplementationLike
from diffsort.nnx._parameters import NO_METADATA, Metadata, parameter

__all__ = ["MixtureOfExperts"]

_router_init = jax.nn.initializers.lecun_normal()
_kernel_init = jax.nn.initializers.lecun_normal(batch_axis=0)  # of each expert by itself


class MixtureOfExperts(nnx.Module):
    """A sparse mixture of experts: each token goes through the few that a router chooses for it.

    Tokens are sorted by expert, multiplied in groups, and brought back by the inverse permutation; see
    `diffsort.experts.mixture_of_experts` for the formula. No token is dropped for want of room. Left to
    itself, a router may come to use few of its experts: add a little of
    `diffsort.experts.load_balancing_loss` of what `routing` returns to the loss.

    Attributes:
        router: shape (in_features, num_experts).
        kernel_in: shape (num_experts, in_features, hidden_features).
        kernel_out: shape (num_experts, hidden_features, out_features).

    Args:
        in_features: features of the input.
        out_features: features of the output.
        num_experts: how many experts there are.
        hidden_features: features between the two layers of an expert.
        num_selected: how many experts a token goes to.
        activation: what is between these layers; it keeps 0 as it is.
        router_init: initializer of the router.
        router_metadata: for its `nnx.Param`.
        kernel_in_init: initializer of the kernels of all experts' first layers.
        kernel_in_metadata: for their `nnx.Param`, such as how they are sharded.
        kernel_out_init: initializer of those of the second layers.
        kernel_out_metadata: for their `nnx.Param`.
        dtype: dtype of the computation; by default that of the input and the parameters together. The
            router's probabilities are computed in float32 at least.
        param_dtype: dtype of the parameters.
        implementation: as in `diffsort.sort`; it must have a permutation.
        rngs: random streams; "params" is used.

    Raises:
        TypeError: a size is not an integer.
        ValueError: a size is less than 1, or `num_selected` greater than `num_experts`.

    Source: N. Shazeer et al., Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts
    Layer, ICLR 2017.

    >>> from flax import nnx
    >>> import diffsort.nnx, jax.numpy as jnp
    >>> layer = diffsort.nnx.MixtureOfExperts(3, 5, 4, hidden_features=8, num_selected=2, rngs=nnx.Rngs(0))
    >>> layer(jnp.ones((2, 7, 3))).shape
    (2, 7, 5)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        num_experts: int,
        *,
        hidden_features: int,
        num_selected: int = 1,
        activation: Callable[[jax.Array], jax.Array] = jax.nn.gelu,
        router_init: Initializer = _router_init,
        router_metadata: Metadata = NO_METADATA,
        kernel_in_init: Initializer = _kernel_init,
        kernel_in_metadata: Metadata = NO_METADATA,
        kernel_out_init: Initializer = _kernel_init,
        kernel_out_metadata: Metadata = NO_METADATA,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        implementation: ImplementationLike = "manual",
        rngs: nnx.Rngs,
    ) -> None:
        require_positive(in_features=in_features, out_features=out_features, hidden_features=hidden_features)
        require_experts(num_experts, num_selected)
        router = in_features, num_experts
        first, second = (
            (num_experts, in_features, hidden_features),
            (num_experts, hidden_features, out_features),
        )
        self.router = parameter("router", router_init, router, param_dtype, router_metadata, rngs)
        self.kernel_in = parameter("kernel_in", kernel_in_init, first, param_dtype, kernel_in_metadata, rngs)
        self.kernel_out = parameter(
            "kernel_out", kernel_out_init, second, param_dtype, kernel_out_metadata, rngs
        )
        self.num_selected, self.activation = num_selected, activation
        self.dtype, self.implementation = dtype, implementation

    def __call__(self, x: ArrayLike, where: jax.Array | None = None) -> jax.Array:
        """Applies the layer.

        Args:
            x: shape (..., in_features).
            where: boolean mask of tokens, (...); those masked come back as 0.

        Returns:
            Shape (..., out_features).
        """
        x, *parameters = self._promote(x, self.router[...], self.kernel_in[...], self.kernel_out[...])
        router, kernel_in, kernel_out = parameters
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

    def routing(self, x: ArrayLike) -> Routing:
        """Returns where the tokens (..., in_features) go, which a program computes once with the call."""
        x, router = self._promote(x, self.router[...])
        return route(x @ router, self.num_selected, implementation=self.implementation)

    def _promote(self, x: ArrayLike, *parameters: jax.Array) -> tuple[jax.Array, ...]:
        x = jnp.asarray(x)
        require_features(x, self.router.shape[0], self)
        return tuple(dtypes.promote_dtype((x, *parameters), dtype=self.dtype))
