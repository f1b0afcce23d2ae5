import jax
import numpy as np
import pytest

import diffsort
from experiments.analysis.contestants import forward_and_backward, implementations


def test_manual_comes_first_and_each_of_its_engines_after_it():
    names = implementations()
    assert names[0] == "manual"
    assert {"manual:xla", "builtin", "double_argsort"} <= set(names)
    assert set(names) <= set(diffsort.implementation_names())
    assert {n for n in diffsort.implementation_names() if n.startswith("manual:")} <= set(names)


@pytest.mark.parametrize("name", implementations())
def test_what_is_timed_is_the_sort_and_its_gradient(name):
    x, cotangent = (jax.random.normal(jax.random.key(seed), (5, 4)) for seed in (0, 1))
    values, gradient = jax.jit(forward_and_backward(name, 0))(x, cotangent)
    order = np.argsort(np.asarray(x), 0)
    np.testing.assert_array_equal(values, np.sort(np.asarray(x), 0))
    np.testing.assert_array_equal(np.take_along_axis(np.asarray(gradient), order, 0), cotangent)
