import pytest

from experiments.benchmarks import peers, sort_times
from experiments.benchmarks.contestants import implementations
from experiments.benchmarks.results import RUN_TIME


@pytest.fixture
def small(monkeypatch):
    """The same suites, of shapes that take no time."""
    for suite, shapes in sort_times.SHAPES.items():
        axes = {len(shape): axis for shape, axis in shapes.items()}
        tiny = {(3,) * dimensions: axis for dimensions, axis in axes.items()}
        monkeypatch.setitem(sort_times.SHAPES, suite, tiny)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("suite", sort_times.SHAPES)
def test_a_suite_times_every_contestant(suite):
    results = list(sort_times.run_sorts(suite, 0.0))
    assert len(results) == len(sort_times.SHAPES[suite])
    expected = {*implementations(), "numpy_packed"} | ({"torch"} if peers.torch_version() else set())
    for result in results:
        assert (result.suite, result.quantity, result.unit) == (suite, RUN_TIME, "ms")
        assert result.elements in (3, 9, 27)
        assert set(result.measurements) == expected


def test_scaling_reaches_from_a_pair_to_ten_million():
    lengths = sort_times.LENGTHS
    assert (lengths[0], lengths[-1]) == (2, 10_000_000)
    assert list(sort_times.SHAPES["scaling"]) == [(n,) for n in lengths]


def test_a_case_tells_the_axis_where_there_is_a_choice():
    assert sort_times.describe_case((1_000_000,), 0) == "1,000,000"
    assert sort_times.describe_case((16, 256, 64), 1) == "16×256×64, axis 1"
