from experiments.analysis.timing import time_in_turn


def test_programs_run_in_turn_and_equally_often():
    calls = []
    timings = time_in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, seconds=0.0)
    assert calls == ["a", "b"] * (len(calls) // 2)
    assert timings["a"].repeats == timings["b"].repeats
    for timing in timings.values():
        assert 0 < timing.low_ms <= timing.median_ms <= timing.high_ms
