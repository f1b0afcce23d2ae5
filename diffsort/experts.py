"""A sparse mixture of experts: what the layers of both Flax APIs compute."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from diffsort import engines
from diffsort._arguments import floating, mask_like, require_an_axis, require_positive
from diffsort._manual import permute_by
from diffsort._precision import at_least_float32
from diffsort._sorting import zero_masked
from diffsort.dispatch import combine, dispatch
from diffsort.implementations import ImplementationLike
from diffsort.permutations import invert
from diffsort.sorting import top_k

__all__ = ["Routing", "grouped_dot", "load_balancing_loss", "mixture_of_experts", "route"]


class Routing(NamedTuple):
    """Which experts tokens go to.

    Attributes:
        weights: how much each choice counts, floating, (…, num_selected).
        expert_ids: the choices, int32, (…, num_selected).
        probabilities: of all experts, floating, (…, num_experts).
    """

    weights: jax.Array
    expert_ids: jax.Array
    probabilities: jax.Array


def route(logits: jax.Array, num_selected: int, *, implementation: ImplementationLike = "manual") -> Routing:
    r"""Returns the experts with the greatest logits, and how much each counts.

    With $p = \mathrm{softmax}(\text{logits})$, in float32 at least, a choice counts as $p_e$ if it is the
    only one, else as its share of the chosen ones' sum.

    Args:
        logits: floating, (…, num_experts).
        num_selected: how many experts a token goes to.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Raises:
        TypeError: `logits` are not floating, or `num_selected` is not an integer.
        ValueError: `num_selected` is not between 1 and num_experts, or `implementation` has no permutation.

    Source: W. Fedus, B. Zoph, N. Shazeer, Switch Transformers, JMLR 2022, for one expert; D. Lepikhin et al.,
    GShard, ICLR 2021, for two.

    >>> import jax.numpy as jnp
    >>> route(jnp.log(jnp.array([0.2, 0.5, 0.3])), 2).expert_ids
    Array([1, 2], dtype=int32)
    """
    logits = floating(logits, "logits")
    require_experts(require_an_axis(logits).shape[-1], num_selected)
    probabilities = jax.nn.softmax(at_least_float32(logits), -1)
    weights, expert_ids = top_k(probabilities, num_selected, implementation=implementation)
    if num_selected > 1:
        weights = weights / jnp.sum(weights, -1, keepdims=True)
    return Routing(weights, expert_ids, probabilities)


def require_experts(num_experts: int, num_selected: int) -> None:
    """Checks how many experts there are, and how many a token goes to.

    Raises:
        TypeError: one is not an integer.
        ValueError: one is less than 1, or more are selected than there are.
    """
    require_positive(num_experts=num_experts, num_selected=num_selected)
    if num_selected > num_experts:
        raise ValueError(f"num_selected={num_selected} is more than num_experts={num_experts}.")


def load_balancing_loss(
    probabilities: jax.Array, expert_ids: jax.Array, *, where: jax.Array | None = None
) -> jax.Array:
    r"""Returns how unevenly tokens are spread over the experts: 1 where they are spread evenly, or more.

    $E \sum_e f_e P_e$, with $f_e$ the share of the choices that are of expert e, which has no derivative, and
    $P_e$ the mean of its probabilities. Added to a loss, times 0.01 or so, it keeps all experts in use.

    Args:
        probabilities: floating, (…, num_experts), as of a `Routing`.
        expert_ids: int32, (…, num_selected).
        where: boolean mask of tokens, (…); those masked do not count.

    Returns:
        A number; 0 where all are masked.

    Source: W. Fedus, B. Zoph, N. Shazeer, Switch Transformers, JMLR 2022, section 2.2.

    >>> import jax.numpy as jnp
    >>> even = Routing(jnp.ones((2, 1)), jnp.array([[0], [1]]), jnp.full((2, 2), 0.5))
    >>> load_balancing_loss(even.probabilities, even.expert_ids)
    Array(1., dtype=float32)
    """
    probabilities = floating(probabilities, "probabilities")
    num_experts, dtype = probabilities.shape[-1], probabilities.dtype
    tokens = tuple(range(probabilities.ndim - 1))
    chosen = jnp.mean(jax.nn.one_hot(expert_ids, num_experts, dtype=dtype), -2)
    if where is None:
        f, p = jnp.mean(chosen, tokens), jnp.mean(probabilities, tokens)
        return num_experts * jnp.sum(f * p)
    mask = mask_like(where, probabilities[..., 0])
    count = jnp.maximum(jnp.sum(mask, dtype=jnp.int32), 1).astype(dtype)
    f, p = (
        jnp.sum(jnp.where(mask[..., None], a, jnp.zeros_like(a)), tokens) for a in (chosen, probabilities)
    )
    return num_experts * jnp.sum(f * p) / count**2


def mixture_of_experts(
    x: jax.Array,
    router: jax.Array,
    kernel_in: jax.Array,
    kernel_out: jax.Array,
    num_selected: int = 1,
    *,
    activation: Callable[[jax.Array], jax.Array] = jax.nn.gelu,
    where: jax.Array | None = None,
    implementation: ImplementationLike = "manual",
) -> jax.Array:
    r"""Applies to each token the experts that a router chooses: two dense layers each, without bias.

    $y = \sum_{e\ \text{chosen}} g_e\, \phi(x A_e) B_e$ with the weights g of `route` for the logits $x R$.
    Tokens are sorted by expert and brought back by the inverse permutation; none is dropped for want of room.

    Args:
        x: floating, (…, in_features).
        router: R, (in_features, num_experts).
        kernel_in: A, (num_experts, in_features, hidden_features).
        kernel_out: B, (num_experts, hidden_features, out_features).
        num_selected: how many experts a token goes to.
        activation: φ, which keeps 0 as it is.
        where: boolean mask of tokens, (…); those masked go to no expert, and come back as 0.
        implementation: as in `diffsort.sort`; it must have a permutation.

    Returns:
        Shape (…, out_features), in the dtype of `x`.

    Raises:
        ValueError: the shapes do not fit, or those of `route`.

    Source: N. Shazeer et al., Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts
    Layer, ICLR 2017.

    >>> import jax.numpy as jnp
    >>> kernel_in, kernel_out = jnp.ones((2, 1, 1)), jnp.array([[[2.]], [[5.]]])
    >>> x, router = jnp.array([[100.], [-100.]]), jnp.array([[1., -1.]])
    >>> mixture_of_experts(x, router, kernel_in, kernel_out, activation=jnp.abs).ravel()
    Array([200., 500.], dtype=float32)
    """
    x = floating(x, "x")
    num_experts, features, hidden = kernel_in.shape
    fits = x.shape[-1:] == (features,) and router.shape == (features, num_experts)
    if not fits or kernel_out.shape[:2] != (num_experts, hidden):
        raise ValueError(
            f"x of shape {x.shape}, a router of shape {router.shape} and kernels of shapes {kernel_in.shape} "
            f"and {kernel_out.shape} do not fit each other."
        )
    mask = None if where is None else mask_like(where, x[..., 0])[..., None]
    if mask is not None:
        x = zero_masked(x, mask_like(mask, x))
    weights, expert_ids, _ = route(x @ router, num_selected, implementation=implementation)
    if mask is not None:
        expert_ids = jnp.where(mask, expert_ids, jnp.full_like(expert_ids, num_experts))
    tokens, ids, weights = (a.reshape(-1, a.shape[-1]) for a in (x, expert_ids, weights))
    rows, group_sizes, indices = dispatch(tokens, ids, num_experts, implementation=implementation)
    hidden_rows = activation(grouped_dot(rows, kernel_in, group_sizes))
    out = grouped_dot(hidden_rows, kernel_out, group_sizes)
    y = combine(out, indices, weights.astype(x.dtype), implementation=implementation)
    return y.reshape(*x.shape[:-1], y.shape[-1])


def grouped_dot(rows: jax.Array, kernels: jax.Array, group_sizes: jax.Array) -> jax.Array:
    """Returns each row times the matrix of its group, and 0 for rows behind all groups.

    What `jax.lax.ragged_dot` computes, which on CPU multiplies every row by every matrix. Here it is blocks
    of rows of one group: some more rows, and a copy of its matrix for each block, of which there are about
    five for each group.

    Args:
        rows: floating, (rows, features), those of group 0 first.
        kernels: of the dtype of `rows`, (groups, features, outputs).
        group_sizes: int32, (groups,).

    Returns:
        Shape (rows, outputs).

    >>> import jax.numpy as jnp
    >>> grouped_dot(jnp.ones((3, 1)), jnp.array([[[2.]], [[5.]]]), jnp.array([1, 2])).ravel()
    Array([2., 5., 5.], dtype=float32)
    """
    n, groups = rows.shape[0], kernels.shape[0]
    size = max(16, 2 ** (n // (4 * groups)).bit_length())  # of a block
    blocks = -(-n // size) + groups  # at most: each group may leave its last one in part empty
    used = -(-group_sizes // size)
    ends, block_ends = jnp.cumsum(group_sizes, dtype=jnp.int32), jnp.cumsum(used, dtype=jnp.int32)
    block = jnp.arange(blocks, dtype=jnp.int32)
    group = jnp.searchsorted(block_ends, block, side="right").astype(jnp.int32)
    group = jnp.minimum(group, groups - 1)  # of blocks behind all groups, whose rows are beyond its size
    # Places in the blocks are filled with the rows of their groups, those left over with rows that do not
    # count.
    within = (block - (block_ends - used)[group])[:, None] * size + jnp.arange(size, dtype=jnp.int32)[None]
    is_filled = (within < group_sizes[group][:, None]).reshape(-1)
    row = ((ends - group_sizes)[group][:, None] + within).reshape(-1)
    left_over = ends[-1] + jnp.cumsum(~is_filled, dtype=jnp.int32) - 1
    order = jnp.where(is_filled, row, left_over)[:, None]
    counts = jnp.arange(n, dtype=jnp.int32)[:, None] < ends[-1]
    rows = zero_masked(rows, jnp.broadcast_to(counts, rows.shape))
    rows = jnp.pad(rows, ((0, blocks * size - n), (0, 0)))
    filled = _permute(rows, order, 0).reshape(blocks, size, -1)
    out = jnp.einsum("bnf,bfo->bno", filled, kernels[group]).reshape(blocks * size, -1)
    out = _permute(out, invert(order, 0), 0)[:n]
    return zero_masked(out, jnp.broadcast_to(counts, out.shape))


_permute = permute_by(engines.BEST)
