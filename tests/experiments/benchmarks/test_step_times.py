from experiments.benchmarks.contestants import implementations
from experiments.benchmarks.step_times import run_steps


def test_a_step_is_timed_with_each_implementation_and_with_maxpool(configure):
    (result,) = run_steps(configure(), 0.0)
    assert (result.suite, result.unit) == ("step", "ms")
    assert tuple(result.measurements) == (*implementations(), "maxpool")
    assert result.elements > 0
