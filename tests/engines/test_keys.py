"""Keys compare as the elements sort, stay inside their bounds, and leave room where they say so."""

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsort.engines import keys as order
from tests.oracles import arrays, special_values, without_denormals

NARROW = ["float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
NARROW += ["int8", "int16", "int32", "uint8", "uint16", "uint32", "bool"]
WIDE = ["float64", "int64", "uint64"]


def sorts_before(a: np.ndarray, descending: bool) -> np.ndarray:
    """Whether element i comes strictly before element j, as a matrix."""
    is_nan = a != a
    with np.errstate(invalid="ignore"):
        less = (a[:, None] < a) | (~is_nan[:, None] & is_nan)
    return less.T if descending else less


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", NARROW + WIDE)
def test_keys_compare_as_the_elements_sort(dtype: str, descending: bool) -> None:
    @hypothesis.given(drawn=arrays(dtype, (12,)))
    @hypothesis.settings(max_examples=40)
    def check(drawn: np.ndarray) -> None:
        x = without_denormals(np.concatenate([drawn, special_values(dtype)]))
        with jax.enable_x64(dtype in WIDE):
            keys = order.order_keys(jnp.asarray(x), descending)
        values = np.asarray(keys.values)
        assert values.dtype == (np.int64 if dtype in WIDE else np.int32)
        np.testing.assert_array_equal(values[:, None] < values, sorts_before(x, descending))
        assert keys.low <= values.min()
        assert values.max() <= keys.high

    check()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("dtype", sorted({*NARROW, *WIDE} - {"float8_e4m3fn"}))  # which has no infinity
def test_the_bounds_are_reached(dtype: str, descending: bool) -> None:
    # Bounds that were too wide would cost a wider sort; too narrow ones, the order.
    if dtype.startswith(("float", "bfloat")):
        extremes = np.array([-np.inf, np.nan], dtype)
    else:
        extremes = np.array([special_values(dtype).min(), special_values(dtype).max()], dtype)
    with jax.enable_x64(dtype in WIDE):
        keys = order.order_keys(jnp.asarray(extremes), descending)
    assert sorted(np.asarray(keys.values).tolist()) == [keys.low, keys.high]


def test_zeros_are_one_key_and_nans_are_one_key() -> None:
    x = np.array([0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0, 0x80000000], np.uint32).view(np.float32)
    keys = np.asarray(order.order_keys(jnp.asarray(x)).values)
    assert len(set(keys[:4].tolist())) == 1
    assert keys[4] == keys[5] == 0


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "uint8", "int16", "bool"])
def test_masked_keys_are_greater_than_any_other(dtype: str) -> None:
    x = jnp.asarray(special_values(dtype))
    where = jnp.arange(x.size) % 2 == 0
    keys = order.order_keys(x)
    masked = order.mask_last(keys, where)
    values, is_valid = np.asarray(masked.values), np.asarray(where)
    assert (values[~is_valid] == masked.high).all()
    assert (values[is_valid] <= keys.high).all()
    assert masked.high == keys.high + 1


@pytest.mark.parametrize(
    ("low", "high", "fits"),
    [(-(2**31), 2**31 - 1, True), (-(2**31) - 1, 0, False), (0, 2**31, False), (-5, 5, True)],
)
def test_fits_knows_the_limits_of_the_dtype(low: int, high: int, fits: bool) -> None:
    keys = order.Keys(jnp.zeros(1, jnp.int32), 0, 0)
    assert keys.fits(low, high) == fits
