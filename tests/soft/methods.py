"""All relaxed sorts and what is made of them, called alike: what holds for all is checked over this table."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax

import diffsort
from diffsort import soft


@dataclasses.dataclass(frozen=True)
class Method:
    """A relaxed sort.

    Attributes:
        make: makes it with a softness, in units of the elements where it has a unit.
        has_matrix: whether there is a soft_permutation.
        is_doubly_stochastic: whether its columns sum to 1.
        is_equivariant: whether the order of the elements has no effect.
        is_scale_free: whether what is c times as large is sorted with the same softness.
        is_ordered: whether the sorted values ascend.
    """

    make: Callable[[float], Any]
    has_matrix: bool = True
    is_doubly_stochastic: bool = True
    is_equivariant: bool = True
    is_scale_free: bool = False
    is_ordered: bool = True


def _network(kind: Any, activation: Any, softness: Any) -> soft.SortingNetwork:
    return soft.SortingNetwork(kind, 1 / softness, activation)


METHODS = {
    "softsort": Method(soft.SoftSort, is_doubly_stochastic=False),
    "lapsum": Method(soft.LapSum),
    "neuralsort": Method(soft.NeuralSort, is_doubly_stochastic=False),
    "permutahedron l2": Method(soft.Permutahedron, has_matrix=False),
    "permutahedron kl": Method(partial(soft.Permutahedron, regularization="kl"), has_matrix=False),
    **{
        f"{kind} {activation}": Method(
            partial(_network, kind, activation), is_equivariant=False, is_ordered=False
        )
        for kind, activation in (
            ("odd_even", "logistic"),
            ("bitonic", "logistic"),
            ("bitonic", "cauchy"),
            ("odd_even", "optimal"),
        )
    },
    "ott": Method(lambda softness: soft.Transport(softness / 10, threshold=1e-6), is_scale_free=True),
}

# Each is called with rows, and as keywords with a mask and an implementation.
OPS: dict[str, Callable[..., jax.Array]] = {
    "sort": diffsort.sort,
    "soft_rank": diffsort.soft_rank,
    "soft_permutation": diffsort.soft_permutation,
    "top_k_mask": lambda x, **options: diffsort.top_k_mask(x, min(3, x.shape[-1]), **options),
    "sort descending": partial(diffsort.sort, descending=True),
}


def pairs() -> list[tuple[str, str]]:
    """Returns the names of each method with each op that it has."""
    return [
        (name, op)
        for name, method in METHODS.items()
        for op in OPS
        if method.has_matrix or op != "soft_permutation"
    ]
