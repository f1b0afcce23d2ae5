import matplotlib.image
import pytest

from experiments.analysis.benchmark_plot import save_benchmark_plot

TIMES = {"manual": 1.0, "manual:xla": 1.5, "builtin": 4.0, "double_argsort": 7.0, "torch": 1.2, "floor": 0.4}


@pytest.mark.parametrize(
    ("suites", "width"),
    [
        (("article", "pooling", "rows", "scaling"), 1800),
        (("pooling", "tiny", "step"), 900),
        (("scaling",), 900),
    ],
    ids=["both panels", "cases alone", "scaling alone"],
)
def test_draws_the_panels_it_has_results_for(suites, width, make_result, tmp_path):
    results = [make_result(s, n, **TIMES) for s in suites for n in (2, 1000)]
    path = tmp_path / "benchmark.png"
    assert save_benchmark_plot(results, path, "title")
    assert matplotlib.image.imread(path).shape[:2] == (720, width)


def test_draws_contestants_that_took_part_in_some_cases_only(make_result, tmp_path):
    results = [
        make_result("rows", manual=1.0),
        make_result("rows", manual=1.0, builtin=4.0, another=2.0),
        make_result("scaling", manual=1.0),
    ]
    assert save_benchmark_plot(results, tmp_path / "benchmark.png", "title")


def test_writes_nothing_where_there_is_nothing_to_draw(make_result, tmp_path):
    path = tmp_path / "benchmark.png"
    assert not save_benchmark_plot([make_result("tiny", **TIMES)], path, "title")
    assert not path.exists()
