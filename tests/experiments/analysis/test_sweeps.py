import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.analysis.sweeps import accuracy_table, read_summaries
from experiments.errors import UserError

REPORT = Path(__file__).parents[3] / "scripts" / "report.py"


def write_run(directory, model, seed, accuracy, share=0.5):
    directory.mkdir(parents=True)
    summary = {
        "model": model,
        "sort": "manual",
        "data": "digits",
        "seed": seed,
        "test_accuracy": accuracy,
        "step_time_ms": 4.0 + seed,
        "sort_fraction": share,
    }
    (directory / "summary.json").write_text(json.dumps(summary))


@pytest.fixture
def sweep(tmp_path):
    write_run(tmp_path / "a", "maxpool", 0, 0.90, share=0.0)
    write_run(tmp_path / "b", "sortpool", 0, 0.95)
    write_run(tmp_path / "c" / "nested", "sortpool", 2, 0.97)
    (tmp_path / "unfinished").mkdir()
    return tmp_path


EXPECTED = """\
| model | sort | data | seeds | test accuracy | step, ms | sort's share |
|---|---|---|---|---|---|---|
| sortpool | manual | digits | 2 | 0.960 ± 0.014 | 5.0 | 50% |
| maxpool | none | digits | 1 | 0.900 | 4.0 | 0% |"""


def test_table_worked_by_hand(sweep):
    assert accuracy_table(read_summaries(sweep)) == EXPECTED


def test_script_prints_the_table(sweep):
    done = subprocess.run([sys.executable, REPORT, sweep], capture_output=True, text=True, check=True)
    assert done.stdout == EXPECTED + "\n"


@pytest.mark.parametrize(
    ("path", "message"), [("nowhere", "no such directory"), ("unfinished", "no finished run")]
)
def test_nothing_to_report_is_one_line(sweep, path, message):
    with pytest.raises(UserError, match=message):
        read_summaries(sweep / path)
    done = subprocess.run([sys.executable, REPORT, sweep / path], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
