import jax
import numpy as np
import pytest

import diffsort
from experiments.benchmarks import contestants
from experiments.benchmarks.contestants import engine_of_manual, forward_and_backward, implementations


def test_manual_comes_first_and_stands_for_the_engine_that_it_takes():
    names, engines = implementations(), set(contestants._engines())
    assert names[0] == "manual"
    assert set(names) <= set(diffsort.implementation_names())
    assert {"builtin", "double_argsort"} <= set(names)
    assert engines - set(names) == {f"manual:{engine_of_manual()}"}
    is_native = "manual:native" in engines
    assert engine_of_manual() == ("native" if is_native else "xla")


def test_the_kernel_does_not_compete_on_an_accelerator(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert contestants._engines() == ["manual:xla"]


@pytest.mark.parametrize("name", implementations())
def test_what_is_timed_is_the_sort_and_its_gradient(name):
    x, cotangent = (jax.random.normal(jax.random.key(seed), (5, 4)) for seed in (0, 1))
    values, gradient = jax.jit(forward_and_backward(name, 0))(x, cotangent)
    order = np.argsort(np.asarray(x), 0)
    np.testing.assert_array_equal(values, np.sort(np.asarray(x), 0))
    np.testing.assert_array_equal(np.take_along_axis(np.asarray(gradient), order, 0), cotangent)
