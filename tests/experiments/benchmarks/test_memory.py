import math

import pytest

from experiments.benchmarks import memory, sort_times
from experiments.benchmarks.contestants import implementations


@pytest.fixture
def found():
    x, cotangent = sort_times.random_pair((64, 512))
    return {name: memory.gradient_memory(name, x, cotangent, 1) for name in implementations()}


def test_what_manual_keeps_is_a_permutation_in_16_bits_and_no_more(found):
    for name in (n for n in found if n.startswith("manual")):
        assert found[name][0] == 64 * 512 * 2


def test_the_gradients_temporaries_are_no_larger_than_the_input(found):
    size = 64 * 512 * 4
    assert all(found[name][1] <= size for name in found if name.startswith("manual"))
    # Zero would mean that what was kept had become a constant of the program.
    assert found["builtin"][1] > size


def test_the_suite_gives_two_sizes_a_shape(monkeypatch):
    monkeypatch.setattr(memory, "SHAPES", {(4, 8): 1, (16,): 0})
    results = list(memory.run_memory(0.0))
    assert [r.quantity for r in results] == [memory.KEPT, memory.TEMPORARIES] * 2
    for result in results:
        assert (result.suite, result.unit) == ("memory", "× the input")
        assert tuple(result.measurements) == implementations()
        assert all(0 <= m.median < math.inf and m.repeats == 1 for m in result.measurements.values())
