import json

import pytest

from experiments.benchmarks.results import (
    Measurement,
    Result,
    exactly,
    read_results,
    summarised,
    write_results,
)


def test_values_of_chance_are_summarised_by_quartiles():
    assert summarised([5.0, 1.0, 2.0, 4.0, 3.0]) == Measurement(3.0, 2.0, 4.0, 5)


def test_a_value_without_chance_has_no_spread():
    assert exactly(2.0) == Measurement(2.0, 2.0, 2.0, 1)


def test_results_are_read_as_they_were_written(tmp_path):
    results = [
        Result("rows", "8×8", 64, "run time", "ms", {"manual": Measurement(2.0, 1.0, 3.0, 5)}),
        Result("long", "8", 8, "run time", "ms", {}, {"manual": "out of memory"}),
    ]
    write_results(tmp_path / "results.json", {"cores": 2}, results)
    assert read_results(tmp_path / "results.json") == ({"cores": 2}, results)


@pytest.mark.parametrize(
    "content", [{}, {"machine": {}, "results": [{}]}, {"machine": {}, "results": [1]}, []]
)
def test_other_files_are_told(content, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"results\.json holds no results of a benchmark"):
        read_results(path)
