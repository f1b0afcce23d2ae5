import csv
import json
from pathlib import Path

from experiments.report.sweep import load_sweep
from experiments.report.to_csv import runs_csv


def test_a_row_a_finished_run_with_the_numbers_of_its_summary(sweep: Path) -> None:
    rows = list(csv.DictReader(runs_csv(load_sweep(sweep)).splitlines()))
    summaries = {path.parent.name: json.loads(path.read_text()) for path in sweep.rglob("summary.json")}
    assert len(rows) == len(summaries) == 6
    for row in rows:
        summary = summaries[f"seed={row['seed']},sort={row['sort']}"]
        assert float(row["test_accuracy"]) == summary["test_accuracy"]
        assert "device" not in row
