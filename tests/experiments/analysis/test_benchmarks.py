"""That every case of the benchmark runs; what it finds is not for a test to say."""

import jax
import numpy as np
import pytest

from experiments.analysis import benchmarks
from experiments.analysis.tables import benchmark_table, geometric_mean_line
from experiments.analysis.timing import Timing


@pytest.mark.parametrize("implementation", benchmarks.IMPLEMENTATIONS)
def test_what_is_timed_is_the_sort_and_its_gradient(implementation):
    x, cotangent = (jax.random.normal(jax.random.key(seed), (5, 4)) for seed in (0, 1))
    values, gradient = benchmarks._forward_and_backward(implementation, x, cotangent, 0)()
    order = np.argsort(np.asarray(x), 0)
    np.testing.assert_array_equal(values, np.sort(np.asarray(x), 0))
    np.testing.assert_array_equal(np.take_along_axis(np.asarray(gradient), order, 0), cotangent)


def test_suites_give_a_timing_for_each_implementation(configure):
    results = [*benchmarks.run_sorts("tiny", 0.0), *benchmarks.run_steps(configure(), 0.0)]
    assert len(results) == len(benchmarks.SORTS["tiny"]) + 1
    for result in results:
        assert set(benchmarks.IMPLEMENTATIONS) <= set(result.timings)
    assert "maxpool" in results[-1].timings


def test_table_is_relative_to_manual():
    timings = {"manual": Timing(2.0, 1.5, 2.5, 9), "builtin": Timing(8.0, 7.0, 9.0, 9)}
    result = benchmarks.Result("rows", "8×8, axis 1", timings)
    lines = benchmark_table(result).splitlines()
    assert lines[0] == "8×8, axis 1"
    assert lines[1].split() == ["manual", "2", "ms", "(1.5", "–", "2.5)", "1.00×"]
    assert lines[2].split() == ["builtin", "8", "ms", "(7", "–", "9)", "4.00×"]
    assert "4.00× faster in the geometric mean, 4.00× at least" in geometric_mean_line([result])
