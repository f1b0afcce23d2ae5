"""Sorting for Flax models, with a derivative written by hand.

A sort is a permutation, and a permutation is a linear map whose transpose is its inverse: the
derivative of a sort is never another sort. Layers are in `diffsort.nnx` and `diffsort.linen`.
"""

import importlib
from typing import Any

from diffsort import _versions

try:
    from diffsort.dispatch import combine, dispatch
    from diffsort.implementations import (
        Implementation,
        get_implementation,
        implementation_names,
        register_engine,
        register_implementation,
    )
    from diffsort.keys import lexsort, sort_key_val
    from diffsort.permutations import inverse_permutation, permute
    from diffsort.segments import (
        SegmentPlaces,
        segment_argsort,
        segment_l_statistic,
        segment_median,
        segment_places,
        segment_quantile,
        segment_rank,
        segment_sort,
        segment_top_k,
    )
    from diffsort.soft_ranks import soft_permutation, soft_rank, top_k_mask
    from diffsort.sorting import argsort, rank, sort, sort_with_indices, top_k
    from diffsort.statistics import (
        gini_mean_difference,
        l_moments,
        l_statistic,
        median,
        order_statistic,
        quantile,
        superquantile,
        trimmed_mean,
        winsorized_mean,
    )
except (AttributeError, ImportError) as error:  # what a JAX out of range does
    for complaint in _versions.complaints():
        error.add_note(complaint)
    raise

__version__ = "0.1.0"

__all__ = [
    "Implementation",
    "SegmentPlaces",
    "argsort",
    "combine",
    "dispatch",
    "get_implementation",
    "gini_mean_difference",
    "implementation_names",
    "inverse_permutation",
    "l_moments",
    "l_statistic",
    "lexsort",
    "median",
    "order_statistic",
    "permute",
    "quantile",
    "rank",
    "register_engine",
    "register_implementation",
    "segment_argsort",
    "segment_l_statistic",
    "segment_median",
    "segment_places",
    "segment_quantile",
    "segment_rank",
    "segment_sort",
    "segment_top_k",
    "soft_permutation",
    "soft_rank",
    "sort",
    "sort_key_val",
    "sort_with_indices",
    "superquantile",
    "top_k",
    "top_k_mask",
    "trimmed_mean",
    "winsorized_mean",
]

_SUBMODULES = (
    *("activations", "engines", "experts", "initializers", "linen", "losses", "nnx", "orthogonal", "pooling"),
    *("protocols", "segments", "soft", "statistics"),
)


def __getattr__(name: str) -> Any:
    """Imports a submodule where it is first used, so that those who only sort do not wait for Flax."""
    if name in _SUBMODULES:
        return importlib.import_module(f"diffsort.{name}")
    raise AttributeError(f"module 'diffsort' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES, "__version__"])
