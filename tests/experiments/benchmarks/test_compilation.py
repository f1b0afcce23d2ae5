from experiments.benchmarks import compilation
from experiments.benchmarks.contestants import implementations


def test_the_suite_gives_two_times_a_shape(monkeypatch):
    monkeypatch.setattr(compilation, "SHAPES", {(4, 8): 1})
    monkeypatch.setattr(compilation, "_LEAST", 2)
    results = list(compilation.run_compilation(0.0))
    assert [r.quantity for r in results] == [compilation.TRACING, compilation.COMPILING]
    for result in results:
        assert (result.suite, result.unit) == ("compile", "ms")
        assert tuple(result.measurements) == implementations()
        assert all(m.repeats == 2 and m.median > 0 for m in result.measurements.values())
