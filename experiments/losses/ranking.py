"""Losses of scores, (b, n), that are to have the order of given numbers, (b, n)."""

import functools
from abc import abstractmethod
from dataclasses import dataclass

import jax
import jax.numpy as jnp

import diffsort
from diffsort.implementations import ImplementationLike
from diffsort.soft import RelaxedSort
from experiments.losses.loss import Loss

_SMALLEST = 1e-7  # a probability whose logarithm is taken; 1 less it is not yet 1 in float32


class RankingLoss(Loss):
    """A loss for each set of scores."""

    @abstractmethod
    def __call__(self, scores: jax.Array, numbers: jax.Array) -> jax.Array:
        """Returns the losses (b,) of scores (b, n) for numbers (b, n)."""


@dataclass
class PermutationCrossEntropy(RankingLoss):
    """Binary cross-entropy between the relaxed permutation of the scores and that of the numbers.

    With P the relaxed permutation matrix of the scores and Q that which sorts the numbers, the mean over
    their n² entries of −(Q log P + (1 − Q) log(1 − P)).

    An exact sort teaches nothing: the derivative of its permutation is 0.

    Args:
        implementation: a relaxed sort with a matrix; see `diffsort.soft_permutation`.

    Raises:
        ValueError: the relaxed sort has no matrix.

    Source: F. Petersen, C. Borgelt, H. Kuehne, O. Deussen, Differentiable Sorting Networks for Scalable
    Sorting and Ranking Supervision, ICML 2021. Grover et al. (2019) take the first term alone.
    """

    implementation: ImplementationLike

    def __post_init__(self) -> None:
        method = self.implementation
        method = method.at(0) if isinstance(method, RelaxedSort) else method
        find = functools.partial(diffsort.soft_permutation, implementation=method)
        jax.eval_shape(find, jax.ShapeDtypeStruct((2,), jnp.float32))  # refused here, not in the first step

    def __call__(self, scores: jax.Array, numbers: jax.Array) -> jax.Array:
        """Returns the mean cross-entropies of the entries."""
        relaxed = diffsort.soft_permutation(scores, implementation=self.implementation)
        found = jnp.clip(relaxed, _SMALLEST, 1 - _SMALLEST)
        is_there = jax.nn.one_hot(diffsort.argsort(numbers), numbers.shape[-1], dtype=bool)
        return -jnp.mean(jnp.log(jnp.where(is_there, found, 1 - found)), (-2, -1))


@dataclass
class RankError(RankingLoss):
    """Squared error between the relaxed ranks of the scores and those of the numbers, the mean over a set.

    For relaxed sorts that have no matrix, as the projection onto the permutahedron; others have ranks, too.

    Args:
        implementation: a relaxed sort; see `diffsort.soft_rank`.

    Source: M. Blondel, O. Teboul, Q. Berthet, J. Djolonga, Fast Differentiable Sorting and Ranking,
    ICML 2020.
    """

    implementation: ImplementationLike

    def __call__(self, scores: jax.Array, numbers: jax.Array) -> jax.Array:
        """Returns the mean squared errors of the ranks."""
        found = diffsort.soft_rank(scores, implementation=self.implementation)
        return jnp.mean((found - diffsort.rank(numbers).astype(found.dtype)) ** 2, -1)
