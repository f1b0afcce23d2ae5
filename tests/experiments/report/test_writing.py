"""The whole report, on a sweep with things missing."""

import base64
import doctest
import importlib
import json
import pkgutil
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from experiments.benchmarks import report
from experiments.errors import UserError
from experiments.report.writing import write_report
from tests.experiments.report.conftest import SWEEP

SCRIPT = Path(__file__).parents[4] / "scripts" / "report.py"

# Means, intervals, medians and differences worked by hand from the files in sweep/.
HEADLINE = [
    "sort | seeds | test accuracy [95%] | difference to baseline [95%] | step, ms | sort's share | s to 0.82",
    "manual | 3 | 0.930 [0.900, 0.970] | baseline | 2.00 | 25% | 0.0060",
    "builtin | 3 | 0.920 [0.910, 0.940] | −0.010 [−0.030, +0.010] | 8.00 | 75% | 0.0340",
    "double_argsort | 0 of 1 | – | – | – | – | –",
]
ARRIVALS = [
    "sort | runs there | steps | seconds | soonest, s | latest, s",
    "manual | 3 of 3 | 2 | 0.0060 | 0.0040 | 0.0080",
    "builtin | 2 of 3 | 4 | 0.0340 | 0.0320 | 0.0360",
    "double_argsort | 0 of 0 | – | – | – | –",
]
# Ratios 4, 4 and 3: their geometric mean is the cube root of 48, and of 27 resamples one is all threes.
SPEED = [
    "sort | step, ms | sort, ms | rest, ms | sort's share | step / baseline [95%] | compilation, s "
    "| memory of a step, MB | parameters",
    "manual | 2.00 | 0.50 | 1.50 | 25% | baseline | 1.50 | – | 1,000",
    "builtin | 8.00 | 6.00 | 2.00 | 75% | 3.63 [3.00, 4.00] | 1.50 | – | 1,000",
    "double_argsort | – | – | – | – | – | – | – | –",
]
DIFFERENCES = [
    "cell | compared with | seeds | losses | largest difference | first at step",
    "builtin | manual | 2 | 8 | 0.25 | 3",
]
SETTINGS = "trainer.steps=4 data.directory=/data"


def table_lines(text):
    """The rows of the tables in a Markdown text, without the spaces that align them."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [" | ".join(cell.strip() for cell in row) for row in rows]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report, and what it returned for the screen."""
    output = tmp_path_factory.mktemp("report")
    return output, write_report(SWEEP, output)


def test_tables_worked_by_hand(written):
    output, screen = written
    assert table_lines(screen) == HEADLINE
    assert "7 problems" in screen
    lines = table_lines((output / "report.md").read_text(encoding="utf-8"))
    for table in (HEADLINE, ARRIVALS, SPEED, DIFFERENCES):
        begin = lines.index(table[0])
        assert lines[begin : begin + len(table)] == table


def test_problems_come_first_and_what_was_missing_is_among_them(written):
    text = (written[0] / "report.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert titles == [
        "Problems",
        "Results",
        "Learning curves",
        "Time to a target",
        "Speed and memory",
        "Losses under different sorts",
        "How it was made",
    ]
    problems = text.partition("## Results")[0]
    for words in (
        "no summary.json",
        "no metrics.jsonl",
        "the last line is cut",
        "never begun",
        "git revision",
    ):
        assert words in problems


def test_commands_are_exact(written):
    text = (written[0] / "report.md").read_text(encoding="utf-8")
    sweep, *runs = re.findall(r"^python .*$", text, flags=re.MULTILINE)
    assert sweep.endswith(f" -m sort=manual,builtin,double_argsort 'seed=range(3)' {SETTINGS}")
    assert len(runs) == 7
    assert runs[-1] == f"python scripts/train.py sort=double_argsort seed=0 {SETTINGS}"


class Page(HTMLParser):
    """Collects what a page would load, and checks that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.loaded, self.tags, self.words = [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loaded += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_needs_no_other_file(written):
    text = (written[0] / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert all(link.startswith(("#", "data:image/svg+xml;base64,")) for link in page.loaded)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "@import" not in text
    assert "url(" not in text
    assert page.tags.count("img") == 3


def test_figures_are_drawings_and_need_no_other_file_either(written):
    text = (written[0] / "report.html").read_text(encoding="utf-8")
    inside = [base64.b64decode(code).decode() for code in re.findall(r'base64,([^"]*)"', text)]
    beside = {
        path.stem: path.read_text(encoding="utf-8") for path in (written[0] / "report-figures").glob("*.svg")
    }
    assert list(beside.keys() ^ {"results", "curves", "speed"}) == []
    assert sorted(inside) == sorted(beside.values())
    for svg in inside:
        root = ElementTree.fromstring(svg)  # noqa: S314
        links = [v for node in root.iter() for k, v in node.attrib.items() if k.endswith("href")]
        assert all(link.startswith("#") for link in links)
        assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 10


def test_figures_are_there_for_paper_too(written):
    for drawing in (written[0] / "report-figures").glob("*.svg"):
        pdf = drawing.with_suffix(".pdf").read_bytes()
        assert pdf.startswith(b"%PDF")
        assert b"/Type3" not in pdf  # fonts that many publishers refuse
        assert b"/FontFile2" in pdf


def test_page_and_markdown_say_the_same(written):
    page = " ".join(Page((written[0] / "report.html").read_text(encoding="utf-8")).words)
    text = (written[0] / "report.md").read_text(encoding="utf-8")
    assert [n for n in re.findall(r"\d[\d.,]*", text) if n not in page] == []


def test_what_runs_say_cannot_become_markup(sweep, tmp_path):
    path = sweep / "seed=0,sort=manual" / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"device": "<script>alert(1)</script>"}))
    write_report(sweep, tmp_path / "report")
    assert "script" not in Page((tmp_path / "report" / "report.html").read_text(encoding="utf-8")).tags


def test_the_same_runs_give_the_same_bytes(written, tmp_path):
    write_report(SWEEP, tmp_path)
    for path in written[0].rglob("*.*"):
        assert (tmp_path / path.relative_to(written[0])).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("left", ["one run", "one seed", "no curves", "only the metric"])
@pytest.mark.filterwarnings("error")
def test_little_is_enough(left, sweep, tmp_path):
    if left == "one run":
        sweep = sweep / "seed=0,sort=manual"
    for path in sweep.glob("seed=*"):
        if left == "one seed" and "seed=0" not in path.name:
            shutil.rmtree(path)
        elif left in ("no curves", "only the metric"):
            (path / "metrics.jsonl").unlink(missing_ok=True)
        if left == "only the metric" and (path / "summary.json").exists():
            (path / "summary.json").write_text('{"test_accuracy": 0.9}')
    screen = write_report(sweep, tmp_path)
    assert re.search(r"0\.9[0-9]*\b", screen)
    assert Page((tmp_path / "report.html").read_text(encoding="utf-8")).tags


def test_nowhere_to_write_to(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write to it"):
        write_report(SWEEP, tmp_path / "file")


def run_script(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_script_writes_into_the_sweep_and_prints_the_headline(sweep, written):
    done = run_script(sweep)
    assert (done.returncode, done.stderr) == (0, "")
    assert table_lines(done.stdout) == HEADLINE
    assert (sweep / "report.html").read_text() == (written[0] / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "no such directory"),
        ((".",), "no finished run"),
        ((SWEEP, "--baseline", "sort=none", "--output", "."), "fits no cell"),
    ],
)
def test_script_tells_mistakes_in_a_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_script(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


MODULES = [info.name for info in pkgutil.walk_packages(report.__path__, f"{report.__name__}.")]


def test_examples_in_docstrings_hold():
    results = [doctest.testmod(importlib.import_module(name)) for name in MODULES]
    assert sum(result.attempted for result in results) > 5
    assert sum(result.failed for result in results) == 0
