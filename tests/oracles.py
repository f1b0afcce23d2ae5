"""What the results should be, said once and independently of the library."""

import math
from typing import Any

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort import engines

# Not read from the registry: a test may add to it.
ENGINES = tuple(f"manual:{name}" for name, engine in engines.ENGINES.items() if not engine.why_unavailable())
IMPLEMENTATIONS = ("manual", *ENGINES, "builtin", "double_argsort")
# For tests over all members: the two that have least in common, and the others where there is time.
SLOW_IMPLEMENTATIONS = tuple(pytest.param(name, marks=pytest.mark.slow) for name in IMPLEMENTATIONS[1:])
FEW_IMPLEMENTATIONS = ("manual", "builtin", *(p for p in SLOW_IMPLEMENTATIONS if p.values != ("builtin",)))


def bits(a: Any) -> np.ndarray:
    """The bit patterns of an array: equal exactly where nothing differs, NaN and −0.0 included."""
    a = np.ascontiguousarray(a)
    return a.view(np.dtype(f"u{a.dtype.itemsize}"))


def assert_same_bits(actual: Any, expected: Any, what: str = "") -> None:
    assert actual.dtype == expected.dtype, what
    assert actual.shape == expected.shape, what
    np.testing.assert_array_equal(bits(actual), bits(expected), what)


def one_nan(a: Any) -> np.ndarray:
    """Writes every NaN of bfloat16 and of the 8-bit floats the same way.

    On CPU JAX's own sort converts these to float32 and back, which loses the payloads; ours keeps them.
    """
    a = np.array(a)
    if a.dtype == jnp.bfloat16 or (a.dtype.itemsize == 1 and is_floating(a.dtype)):
        with np.errstate(invalid="ignore"):
            a[np.isnan(a)] = np.nan
    return a


def is_floating(dtype: Any) -> bool:
    return bool(jnp.issubdtype(dtype, jnp.floating))


def special_values(dtype: Any) -> np.ndarray:
    """The values a sort may trip over: NaNs, zeros, infinities, extremes, denormals; and plain ones."""
    dtype = jnp.dtype(dtype)
    if dtype == jnp.bool_:
        return np.array([False, True])
    if not is_floating(dtype):
        info = jnp.iinfo(dtype)
        return np.array([info.min, info.min + 1, info.max, info.max - 1, 0, 1], dtype)
    info = jnp.finfo(dtype)
    extremes = [info.max, info.smallest_normal, info.smallest_subnormal]
    with np.errstate(all="ignore"):  # what a narrow type cannot hold becomes one of its extremes
        values = np.array([math.nan, 0.0, math.inf, 1.0, 2.0, 0.5, *extremes]).astype(dtype)
        return np.concatenate([values, -values])


def arrays(dtype: Any, shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    """Arrays of any bit patterns, special values and ties among them often."""
    special = bits(special_values(dtype))
    last = 1 if jnp.dtype(dtype) == jnp.bool_ else np.iinfo(special.dtype).max
    if math.prod(shape) <= 50:
        pattern = st.sampled_from(special.tolist()) | st.integers(0, last)
        drawn = hnp.arrays(special.dtype, shape, elements=pattern, fill=st.nothing())
    else:  # too many to be drawn one by one
        drawn = st.integers(0, 2**32 - 1).map(lambda seed: _random_patterns(special, last, shape, seed))
    return drawn.map(lambda a: a.view(dtype))


def _random_patterns(special: np.ndarray, last: int, shape: tuple[int, ...], seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    patterns = random.integers(0, last, shape, special.dtype, endpoint=True)
    return np.where(random.random(shape) < 0.5, random.choice(special, shape), patterns)


def without_denormals(x: np.ndarray) -> np.ndarray:
    """Puts zeros for denormals, which equal zero where the hardware says so, and only there."""
    if not is_floating(x.dtype):
        return x
    with np.errstate(invalid="ignore"):
        denormal = (np.abs(x) < jnp.finfo(x.dtype).smallest_normal) & (x != 0)
    return np.where(denormal, np.zeros_like(x), x)


def stable_order(x: np.ndarray, where: np.ndarray | None = None, descending: bool = False) -> np.ndarray:
    """The stable order of each row of the last axis, by Python's sort: masked last, in input order."""
    x = np.asarray(x)
    where = np.ones(x.shape, bool) if where is None else np.broadcast_to(where, x.shape)

    def order(row: np.ndarray, valid: np.ndarray) -> list[int]:
        with np.errstate(invalid="ignore"):
            values = row.tolist() if row.dtype.kind in "biuf" else row.astype(np.float64).tolist()
        keys = [(v != v, 0 if v != v else v) for v in values]  # NaNs are equal, and above all else
        ordered = sorted(np.flatnonzero(valid), key=lambda i: keys[i], reverse=descending)
        return [*ordered, *np.flatnonzero(~valid)]

    rows = zip(x.reshape(-1, x.shape[-1]), where.reshape(-1, x.shape[-1]), strict=True)
    return np.array([order(*row) for row in rows], np.int32).reshape(x.shape)


def argsort_by_jnp(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    """What an engine finds, by jax.numpy: once, and once more to bring what is masked behind the rest."""
    indices = jnp.argsort(x, axis, descending=descending)
    if where is None:
        return indices
    is_masked = jnp.take_along_axis(~where, indices, axis)
    return jnp.take_along_axis(indices, jnp.argsort(is_masked, axis), axis)


@jax.jit
def weighed(x: jax.Array) -> jax.Array:
    """Weights that differ, and pass no NaN on to the gradient where they are masked."""
    x = jnp.asarray(x, "float64" if x.dtype == "float64" else "float32")
    return jnp.exp(jnp.where(jnp.isfinite(x), x, jnp.zeros_like(x)) / 2)


def permutation_matrix(indices: Any) -> np.ndarray:
    """The matrix P for which `P @ x == x[indices]`."""
    indices = np.asarray(indices)
    matrix = np.zeros((indices.size, indices.size), np.float32)
    matrix[np.arange(indices.size), indices] = 1
    return matrix


def cotangents(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Signed numbers that differ from their neighbours, exact in every float of 8 bits or more.

    None is zero, NaN or denormal: JAX's own rule adds cotangents to zeros, which turns −0.0 into +0.0 and
    flushes denormals on some hardware, while a permutation keeps them as they are.
    """
    magnitudes = np.arange(math.prod(shape)) % 7 + 1
    signs = np.where(np.arange(math.prod(shape)) % 3 == 1, -1, 1)
    return (magnitudes * signs).reshape(shape).astype(dtype)
