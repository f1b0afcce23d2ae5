import matplotlib.image
import pytest

from experiments.benchmarks.plot import save_benchmark_plot

TIMES = {"manual": 1.0, "manual:xla": 1.5, "builtin": 4.0, "double_argsort": 7.0} | {
    "torch": 1.2,
    "numpy_packed": 0.4,
}


@pytest.mark.parametrize(
    ("suites", "panels"),
    [(("article", "pooling", "rows", "scaling"), 2), (("pooling", "tiny", "step"), 1), (("scaling",), 1)],
    ids=["both panels", "cases alone", "scaling alone"],
)
def test_draws_the_panels_it_has_results_for(suites, panels, make_result, tmp_path):
    results = [make_result(s, n, **TIMES) for s in suites for n in (2, 1000)]
    written = save_benchmark_plot(results, tmp_path / "here", "a machine", "native")
    assert [p.name for p in written] == ["here.png", "here-dark.png", "here.pdf"]
    light, dark = (matplotlib.image.imread(p) for p in written[:2])
    assert light.shape == dark.shape
    assert light.shape[1] == pytest.approx(panels * 893, abs=2)
    assert light[0, 0, :3].min() == 1
    assert dark[0, 0, :3].max() < 0.1


def test_draws_contestants_that_took_part_in_some_cases_only(make_result, tmp_path):
    results = [
        make_result("rows", manual=1.0),
        make_result("rows", manual=1.0, builtin=4.0, another=2.0),
        make_result("scaling", manual=1.0),
    ]
    assert save_benchmark_plot(results, tmp_path / "here", "a machine", None)


def test_writes_nothing_where_there_is_nothing_to_draw(make_result, tmp_path):
    assert save_benchmark_plot([make_result("tiny", **TIMES)], tmp_path / "here", "a machine", "xla") == []
    assert not list(tmp_path.iterdir())
