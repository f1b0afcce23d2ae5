"""Prints the instruction set that the kernel runs on, and a digest of its results for many inputs."""

import hashlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsort.engines import Engine, library
from tests.oracles import bits, special_values

SHAPES: list[tuple[int, ...]] = [(37, 29), (600, 3), (20000,)]


@jax.jit
def sorts(xs: Sequence[jax.Array], masks: Sequence[jax.Array]) -> list[jax.Array]:
    """Sorts and selects along every axis, both ways; with a mask and without."""
    native = Engine("native")
    results: list[jax.Array] = []
    for x, where in zip(xs, masks, strict=True):
        masked = jnp.where(where, x, jnp.zeros_like(x))
        for axis in range(x.ndim):
            for descending in (False, True):
                options: dict[str, Any] = {"axis": axis, "descending": descending}
                results += native.sort_with_indices(masked, where=where, **options)
                results.append(native.sort(x, where=None, **options))
                n = x.shape[axis]
                results += native.select(masked, where=where, start=n // 3, stop=n // 2, **options)
                results += native.select(x, where=None, start=0, stop=2, **options)
    return results


def inputs(random: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Any bit patterns, half of them of special values."""
    special = bits(special_values(dtype))
    patterns = random.integers(0, 2 if dtype == "bool" else 256, (*shape, special.itemsize), np.uint8)
    is_special = random.random(shape) < 0.5
    return np.where(
        is_special, random.choice(special, shape), patterns.view(special.dtype).reshape(shape)
    ).view(dtype)


def main() -> None:
    """Sorts inputs of one type for each way that types are encoded."""
    jax.config.update("jax_enable_x64", True)
    random = np.random.default_rng(0)
    dtypes = ("float32", "bfloat16", "float64", "int16", "uint64", "bool")
    xs = [inputs(random, dtype, shape) for dtype in dtypes for shape in SHAPES]
    masks = [random.random(x.shape) < 0.8 for x in xs]
    digest = hashlib.sha256()
    for result in sorts(xs, masks):
        digest.update(bits(result).tobytes())
    print(library.instruction_set(), digest.hexdigest())


if __name__ == "__main__":
    main()
