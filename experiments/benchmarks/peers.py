"""What a sort is held against outside JAX: PyTorch, and NumPy's sort of keys packed beforehand."""

import importlib
import importlib.metadata
from typing import Any

import jax
import numpy as np

from experiments.benchmarks.timing import Program

TORCH, NUMPY = "torch", "numpy_packed"


def torch_version() -> str | None:
    """Returns the version of PyTorch, or None where it is not installed."""
    try:
        return importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return None


def torch_device() -> str | None:
    """Returns what PyTorch calls the kind of device that JAX uses; None where it cannot use it."""
    if torch_version() is None:
        return None
    if jax.default_backend() == "cpu":
        return "cpu"
    is_gpu = jax.default_backend() in ("gpu", "cuda", "rocm")
    return "cuda" if is_gpu and importlib.import_module("torch").cuda.is_available() else None


def peers(x: jax.Array, cotangent: jax.Array, axis: int) -> dict[str, Program]:
    """Returns the programs to time beside JAX's, by name.

    PyTorch is one where it is installed and has a device of the same kind, NumPy on CPUs.

    Args:
        x: what to sort; floating.
        cotangent: of the sorted values.
        axis: non-negative.
    """
    programs: dict[str, Program] = {}
    if jax.default_backend() == "cpu" and x.dtype == np.float32:
        programs[NUMPY] = numpy_program(np.asarray(x), axis)
    if device := torch_device():
        programs[TORCH] = torch_program(np.asarray(x), np.asarray(cotangent), axis, device)
    return programs


def torch_program(x: np.ndarray, cotangent: np.ndarray, axis: int, device: str) -> Program:
    """Returns a program that gives the values of torch.sort and, by autograd, their gradient."""
    torch = importlib.import_module("torch")
    leaf = _tensor(x, device).requires_grad_()
    weights = _tensor(cotangent, device)

    def program() -> object:
        values = torch.sort(leaf, dim=axis).values
        (gradient,) = torch.autograd.grad(values, leaf, weights)
        _wait(device)
        return values.detach(), gradient

    return program


def torch_sort_program(x: np.ndarray, axis: int, device: str) -> Program:
    """Returns a program that gives the values and the indices of torch.sort."""
    torch = importlib.import_module("torch")
    tensor = _tensor(x, device)

    def program() -> object:
        values, indices = torch.sort(tensor, dim=axis)
        _wait(device)
        return values, indices

    return program


def numpy_program(x: np.ndarray, axis: int) -> Program:
    """Returns a program of NumPy's SIMD sort of packed keys, and a gather.

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


def _tensor(x: np.ndarray, device: str) -> Any:
    """A copy; NumPy has no bfloat16 that PyTorch knows, and every one of them is a float32."""
    torch = importlib.import_module("torch")
    if x.dtype.name == "bfloat16":
        return torch.tensor(x.astype(np.float32), dtype=torch.bfloat16, device=device)
    return torch.tensor(x, device=device)


def _wait(device: str) -> None:
    """Waits for what was started: only the CPU has finished when a call returns."""
    if device != "cpu":
        importlib.import_module("torch").cuda.synchronize()
