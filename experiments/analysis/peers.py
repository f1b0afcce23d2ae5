"""What a sort is held against outside JAX: PyTorch, and a floor that no sort of this kind gets below."""

import importlib
import importlib.metadata

import jax
import numpy as np

from experiments.analysis.timing import Program

TORCH, FLOOR = "torch", "floor"


def torch_version() -> str | None:
    """Returns the version of PyTorch, or None where it is not installed."""
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return None


def peers(x: jax.Array, cotangent: jax.Array, axis: int) -> dict[str, Program]:
    """Returns the programs to time beside JAX's, by name.

    Both run on the CPU, so there are none where JAX does not; PyTorch is one if it is installed.

    Args:
        x: what to sort; float32.
        cotangent: of the sorted values.
        axis: non-negative.
    """
    if jax.default_backend() != "cpu":
        return {}
    programs = {FLOOR: floor_program(np.asarray(x), axis)}
    if torch_version() is not None:
        programs[TORCH] = torch_program(np.asarray(x), np.asarray(cotangent), axis)
    return programs


def torch_program(x: np.ndarray, cotangent: np.ndarray, axis: int) -> Program:
    """Returns a program that gives the values of torch.sort and, by autograd, their gradient."""
    torch = importlib.import_module("torch")
    leaf = torch.tensor(x, requires_grad=True)
    weights = torch.tensor(cotangent)

    def program() -> object:
        values = torch.sort(leaf, dim=axis).values
        (gradient,) = torch.autograd.grad(values, leaf, weights)
        return values.detach(), gradient

    return program


def floor_program(x: np.ndarray, axis: int) -> Program:
    """Returns a program that does the least a sort of packed keys must: sort integers, gather once.

    The keys, index included, and the places to gather from are made beforehand, so what is left is
    numpy's sort of uint64 and one pass over the elements. It has no backward part.

    Args:
        x: float32 without NaN.
        axis: non-negative.
    """
    keys = packed_keys(x, axis)
    order = (np.sort(keys, axis) & np.uint64(0xFFFFFFFF)).astype(np.intp)
    places = np.take_along_axis(np.arange(x.size).reshape(x.shape), order, axis)
    elements = x.reshape(-1)
    return lambda: (np.sort(keys, axis), np.take(elements, places))


def packed_keys(x: np.ndarray, axis: int) -> np.ndarray:
    """Returns uint64 that order as the float32 of `x` do: an order-preserving key above the index."""
    bits = (x + np.float32(0)).view(np.int32)  # −0 becomes +0
    # Negative floats grow in magnitude as their bits grow; then the sign, flipped, is the top bit.
    keys = (bits ^ ((bits >> 31) & np.int32(0x7FFFFFFF))).view(np.uint32) ^ np.uint32(0x80000000)
    index = np.arange(x.shape[axis], dtype=np.uint64)
    index = index.reshape([-1 if d == axis else 1 for d in range(x.ndim)])
    return (keys.astype(np.uint64) << np.uint64(32)) | index
