"""What the page of a study says is what its committed reports say."""

import re
from pathlib import Path

import pytest

STUDIES = sorted((Path(__file__).parents[1] / "docs" / "studies").glob("*/README.md"))
INTERVAL = re.compile(r"\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]")


@pytest.mark.parametrize("page", STUDIES, ids=lambda page: page.parent.name)
def test_every_interval_on_its_page_is_in_a_report(page: Path) -> None:
    reports = "\n".join(path.read_text(encoding="utf-8") for path in page.parent.rglob("report.md"))
    said = set(INTERVAL.findall(page.read_text(encoding="utf-8")))
    assert {interval for interval in said if interval not in reports} == set()


def test_most_pages_state_intervals() -> None:
    stating = [page for page in STUDIES if INTERVAL.search(page.read_text(encoding="utf-8"))]
    assert len(stating) >= 11
