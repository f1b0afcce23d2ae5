"""Relaxed sorts of the literature: smooth functions of all elements, near the sorted ones.

Each is an object that `implementation=` takes, `SoftSort(temperature=0.01)`, and a name that stands for it
with its default settings, "softsort". They have no hard permutation; in its place are `diffsort.soft_rank`,
`diffsort.soft_permutation` and `diffsort.top_k_mask`.
"""

from diffsort.soft._method import RelaxedSort
from diffsort.soft.lapsum import LapSum
from diffsort.soft.network import SortingNetwork
from diffsort.soft.neuralsort import NeuralSort
from diffsort.soft.permutahedron import Permutahedron
from diffsort.soft.softsort import SoftSort
from diffsort.soft.straight_through import StraightThrough
from diffsort.soft.transport import Transport

__all__ = [
    "LapSum",
    "NeuralSort",
    "Permutahedron",
    "RelaxedSort",
    "SoftSort",
    "SortingNetwork",
    "StraightThrough",
    "Transport",
]
