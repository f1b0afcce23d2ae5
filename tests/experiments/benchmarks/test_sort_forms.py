import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks.device_times import DTYPES, Case, random_rows
from experiments.benchmarks.sort_forms import forms


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("has_ties", [False, True])
def test_every_form_is_the_stable_sort(dtype, has_ties):
    with jax.enable_x64(dtype.endswith("64")):
        x = random_rows(Case((5, 300), dtype))
        x = x[:, :3].repeat(100, 1) if has_ties else x
        found = {name: jax.jit(form)(x) for name, form in forms(x).items()}
    order = np.argsort(np.asarray(x, np.float64 if dtype != "int64" else None), -1, kind="stable")
    for name, (values, indices) in found.items():
        assert (values.dtype, indices.dtype) == (x.dtype, jnp.int32), name
        np.testing.assert_array_equal(indices, order, name)
        np.testing.assert_array_equal(values, np.take_along_axis(np.asarray(x), order, -1), name)


@pytest.mark.parametrize(
    ("dtype", "n", "packed"),
    [
        ("bfloat16", 2**16, ["packed int32", "packed int64"]),
        ("bfloat16", 2**16 + 1, ["packed int64"]),
        ("float32", 64, ["packed int64"]),
        ("float32", 2**31, ["packed int64"]),
        ("int64", 64, []),
    ],
)
def test_words_hold_key_and_index(dtype, n, packed):
    with jax.enable_x64(True):
        x = jax.ShapeDtypeStruct((1, n), dtype)
        assert [name for name in forms(x) if name.startswith("packed")] == packed
