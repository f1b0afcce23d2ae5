import json
import re
from pathlib import Path

import jax
import pytest

from experiments.benchmarks import measurements
from experiments.benchmarks.measurements import (
    Result,
    describe_machine,
    machine_line,
    read_results,
    relative_times,
    run_times,
    write_results,
)
from experiments.benchmarks.timing import Measurement
from experiments.errors import UserError


def test_results_are_read_as_they_were_written(tmp_path):
    found = [
        Result("rows", "8×8", 64, "run time", "ms", {"manual": Measurement(2.0, 1.0, 3.0, 5)}),
        Result("long", "8", 8, "run time", "ms", {}, {"manual": "out of memory"}),
    ]
    machine = describe_machine()
    write_results(tmp_path / "results.json", machine, found)
    assert read_results(tmp_path / "results.json") == (machine, found)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"machine": {}, "results": [{}]},
        {"machine": {}, "results": [1]},
        {"machine": 1, "results": []},
        {"machine": {"device": "cpu: AMD EPYC", "cores": 2}, "results": []},
        {"machine": {}, "results": [{"measurements": {"manual": {"median": "short"}}}]},
        [],
    ],
)
def test_other_files_are_told(content, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"results\.json holds no results of a benchmark"):
        read_results(path)


def test_run_times_have_a_row_a_case_and_a_column_a_contestant(make_result):
    found = [
        make_result("rows", 64, another=3.0, builtin=4.0),
        make_result("rows", 8, builtin=8.0, manual=2.0),
        make_result("memory", 64, "temporaries", "× the input", manual=0.0),
        Result("long", "8", 8, "run time", "ms", {}, {"manual": "out of memory"}),
    ]
    times = run_times(found)
    assert list(times) == ["manual", "builtin", "another"]
    assert list(times.index) == [("rows", "64", 64), ("rows", "8", 8)]
    assert times.isna().to_numpy().tolist() == [[True, False, False], [False, False, True]]
    assert relative_times(found)["builtin"].tolist() == [4.0]
    assert relative_times(found[:1]).empty


def test_names_processor_cores_instruction_set_and_versions():
    found = describe_machine()
    line = machine_line(found)
    assert found["cores"] >= 1
    assert found["device"].removeprefix("cpu: ") in line
    assert f"jax {jax.__version__}, jaxlib " in line
    assert (found["instruction_set"] is not None) == (found["manual"] == "native")


def test_a_gpu_has_no_instruction_set(monkeypatch):
    monkeypatch.setattr(measurements.jax, "default_backend", lambda: "gpu")
    assert describe_machine()["instruction_set"] is None
    content = {"device": "gpu: NVIDIA H100", "cores": 16, "instruction_set": None, "torch": "2.13.0+cu130"}
    versions = {"versions": {"jax": "0.12.0", "jaxlib": "0.12.0", "numpy": "2.5.5"}}
    assert machine_line(content | versions) == (
        "NVIDIA H100, jax 0.12.0, jaxlib 0.12.0, NumPy 2.5.5, PyTorch 2.13.0"
    )


COMMITTED = sorted((Path(__file__).parents[3] / "docs" / "benchmarks").glob("*/results.json"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_committed_results_say_on_what_they_were_measured(path):
    machine, results = read_results(path)
    assert results
    assert machine["device"].startswith("cpu: ")
    assert machine["instruction_set"]
    assert {"python", "jax", "jaxlib", "numpy"} <= machine["versions"].keys()
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?", machine["git_revision"])
