"""The whole report, on a sweep with things missing, and on sweeps that are damaged."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from experiments.errors import UserError
from experiments.report.formatting import table_markdown
from experiments.report.page import problem_points, runs_csv, write_report
from experiments.report.sweep import load_sweep
from experiments.report.tables import headline_table
from tests.experiments.report.conftest import change_summary, write_run, write_synthetic, write_worked

SCRIPT = Path(__file__).parents[3] / "scripts" / "report.py"

# Means, intervals, medians and differences worked by hand from what conftest.py writes.
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


def table_lines(text: str) -> list[str]:
    """The rows of the tables in a Markdown text, without marks and the spaces that align them."""
    rows = [line.strip("|").split("|") for line in text.replace("**", "").splitlines() if line[:2] == "| "]
    return [" | ".join(cell.strip() for cell in row) for row in rows]


class Page(HTMLParser):
    """Collects what a page would load and where it leads, and checks that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str | None] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.loaded += [found[name] for name in ("src", "srcset", "data", "xlink:href") if name in found]
        self.links += [str(found["href"])] if tag == "a" else []
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag != "meta":
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The report, beside its sweep, and what it returned for the screen."""
    folder = tmp_path_factory.mktemp("report")
    return folder / "out", write_report(write_worked(folder / "sweep"), folder / "out")


@pytest.fixture(scope="module")
def markdown(written: tuple[Path, str]) -> str:
    return (written[0] / "report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(written: tuple[Path, str]) -> Page:
    return Page((written[0] / "report.html").read_text(encoding="utf-8"))


def test_tables_worked_by_hand(written: tuple[Path, str], markdown: str) -> None:
    assert table_lines(written[1]) == HEADLINE
    assert "7 problems" in written[1]
    lines = table_lines(markdown)
    for table in (HEADLINE, ARRIVALS, SPEED, DIFFERENCES):
        begin = lines.index(table[0])
        assert lines[begin : begin + len(table)] == table


def test_the_best_are_bold(markdown: str) -> None:
    bold = re.findall(r"\*\*(.*?)\*\*", markdown)
    assert bold[:3] == ["0.930 [0.900, 0.970]", "2.00", "0.0060"]
    assert "0.0700 [0.0300, 0.1000]" in bold  # of losses the least


def test_problems_come_first_and_what_was_missing_is_among_them(markdown: str) -> None:
    assert re.findall(r"^## (.*)$", markdown, flags=re.MULTILINE) == [
        "Problems",
        "Results",
        "Learning curves",
        "Time to a target",
        "Speed and memory",
        "Losses under different sorts",
        "Runs",
        "How it was made",
    ]
    problems = markdown.partition("## Results")[0]
    for words in (
        "no summary.json",
        "no metrics.jsonl",
        "the last line is cut",
        "never begun",
        "git revision",
    ):
        assert words in problems


def test_commands_are_exact(markdown: str) -> None:
    sweep, *runs = re.findall(r"^python .*$", markdown, flags=re.MULTILINE)
    assert sweep.endswith(f" -m sort=manual,builtin,double_argsort 'seed=range(3)' {SETTINGS}")
    assert len(runs) == 7
    assert runs[-1] == f"python scripts/train.py sort=double_argsort seed=0 {SETTINGS}"


def test_the_page_needs_no_other_file(page: Page) -> None:
    assert all(str(link).startswith("#") for link in page.loaded)
    assert page.tags.count("script") == 1
    assert not {"link", "iframe", "object", "img"} & set(page.tags)
    assert page.tags.count("figure") == 3


def test_links_lead_to_what_is_there(written: tuple[Path, str], page: Page, markdown: str) -> None:
    beside = [link for link in page.links if not link.startswith("#")]
    assert sum(link.endswith("config.yaml") for link in beside) == 7
    assert {"report.csv", "report.md", "report-figures/curves.pdf"} <= set(beside)
    for link in [*beside, *re.findall(r"\]\(([^)]*)\)", markdown)]:
        assert (written[0] / unquote(link)).exists(), link


def test_figures_are_drawings_that_follow_the_page_and_say_what_points_are(written: tuple[Path, str]) -> None:
    text = (written[0] / "report.html").read_text(encoding="utf-8")
    drawings = {path.stem: path.read_text(encoding="utf-8") for path in written[0].rglob("*.svg")}
    assert drawings.keys() == {"results", "curves", "speed"}
    for svg in drawings.values():
        assert svg.strip() in text
        assert "currentColor" in svg
        assert "#000000" not in svg
        ElementTree.fromstring(svg)  # noqa: S314
    for told in ("seed 2: 0.97", "mean: 0.93", "seed 1: -0.01"):
        assert f"<title>{told}</title>" in drawings["results"]


def test_figures_are_there_for_paper_too(written: tuple[Path, str]) -> None:
    for drawing in (written[0] / "report-figures").glob("*.svg"):
        pdf = drawing.with_suffix(".pdf").read_bytes()
        assert pdf.startswith(b"%PDF")
        assert b"/Type3" not in pdf  # fonts that many publishers refuse
        assert b"/FontFile2" in pdf


def test_page_and_markdown_say_the_same(page: Page, markdown: str) -> None:
    words = " ".join(page.words)
    said = re.sub(r"\]\([^)]*\)", "", markdown)
    assert [n for n in re.findall(r"\d[\d.,]*", said) if n not in words] == []


def test_a_row_a_finished_run_with_the_numbers_of_its_summary(sweep: Path) -> None:
    rows = list(csv.DictReader(runs_csv(load_sweep(sweep)).splitlines()))
    assert len(rows) == 6
    for row in rows:
        summary = json.loads((sweep / f"{row['sort']}-{row['seed']}" / "summary.json").read_text())
        assert float(row["test_accuracy"]) == summary["test_accuracy"]
        assert "device" not in row


def test_the_same_runs_give_the_same_bytes(written: tuple[Path, str]) -> None:
    again = written[0].parent / "again"
    write_report(written[0].parent / "sweep", again)
    for path in again.rglob("*.*"):
        assert path.read_bytes() == (written[0] / path.relative_to(again)).read_bytes()


def test_what_runs_tell_of_themselves_is_shown(sweep: Path) -> None:
    told = {"date": "2026-11-26T04:12:13", "duration_s": 3724.6, "best_step": 2, "stopped_at": 3}
    change_summary(sweep / "manual-0", **told)
    (sweep / "double_argsort-0" / "error.txt").write_text("out of memory\nTraceback\n")
    (sweep / "manual-0" / "curves.png").touch()
    write_report(sweep, sweep)
    text = (sweep / "report.md").read_text()
    for words in ("2026-11-26 04:12", "1:02:05", "stopped at step 3", "[curves](manual-0/curves.png)"):
        assert words in text
    assert "1 of 9 failed" in text
    assert "failed: out of memory" in text


def test_a_panel_of_zeros_becomes_a_sentence(tmp_path: Path) -> None:
    for number, sort in enumerate("ab"):
        summary = {"test_accuracy": 0.5, "step_time_ms": 1.0}
        write_run(tmp_path / sort, number, {"sort": sort}, {}, summary)
    write_report(tmp_path, tmp_path)
    assert "All differences to the baseline are 0." in (tmp_path / "report.md").read_text()
    assert "difference to the baseline" not in (tmp_path / "report-figures" / "results.svg").read_text()


def test_a_baseline_for_each_that_is_like_it(tmp_path: Path) -> None:
    found = {("a", "mean"): 0.5, ("a", "other"): 0.75, ("b", "mean"): 0.25, ("b", "other"): 0.125}
    for number, ((data, loss), accuracy) in enumerate(found.items()):
        summary = {"test_accuracy": accuracy}
        write_run(tmp_path / str(number), number, {"data": data, "loss": loss}, {}, summary)
    lines = table_lines(write_report(tmp_path, tmp_path, baseline="loss=mean"))
    at = lines[0].split(" | ").index("difference to baseline [95%]")
    assert [line.split(" | ")[at] for line in lines[1:]] == ["baseline", "+0.250", "baseline", "−0.125"]


def test_the_metric_early_later_and_in_the_end(tmp_path: Path) -> None:
    for number, sort in enumerate(("manual", "builtin")):
        key = "validation_accuracy"
        rows = [{"step": 2 * i, key: (1 - number / 2) * 2 * i / 100} for i in range(1, 31)]
        write_run(tmp_path / sort, number, {"sort": sort}, {}, {"test_accuracy": 0.5}, rows)
    write_report(tmp_path, tmp_path)
    lines = table_lines((tmp_path / "report.md").read_text())
    begin = lines.index("sort | step 2 | step 20 | step 60")
    assert lines[begin + 1 : begin + 3] == [
        "manual | 0.0200 | 0.200 | 0.600",
        "builtin | 0.0100 | 0.100 | 0.300",
    ]


def test_the_noise_of_gradients_at_each_evaluation_where_it_was_measured(
    tmp_path: Path, markdown: str
) -> None:
    for number, sort in enumerate(("manual", "softsort")):
        summary = {
            "test_accuracy": 0.5,
            "gradient_noise_20": 1.5 + number,
            "gradient_noise_40": 12.0 - number,
        }
        write_run(tmp_path / sort, number, {"sort": sort}, {}, summary)
    write_report(tmp_path, tmp_path)
    lines = table_lines((tmp_path / "report.md").read_text())
    begin = lines.index("sort | step 20 | step 40")
    assert lines[begin + 1 : begin + 3] == ["manual | 1.50 | 12.0", "softsort | 2.50 | 11.0"]
    assert "Noise of the gradient" not in markdown


def test_many_cells_are_small_multiples(tmp_path: Path) -> None:
    columns = {"model": list("abc"), "sort": ["manual:native", "builtin"], "rate": list(range(1, 13))}
    write_report(write_synthetic(tmp_path, columns, steps=6), tmp_path)
    text = (tmp_path / "report.md").read_text()
    assert "The best 50 of 72 cells" in text
    assert "The best 6 of" in text
    assert "mathdefault" not in (tmp_path / "report-figures" / "along-rate.svg").read_text()
    assert len((tmp_path / "report-figures" / "curves.svg").read_bytes()) < 200_000


def bomb(path: Path, *, merged: bool) -> None:
    """YAML that is short, and stands for a thousand million values."""
    lines = ["a0: &a0 {x: 1, y: 2}" if merged else "a0: &a0 [1, 1]"]
    for level in range(1, 10):
        again = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} " + (f"{{<<: [{again}]}}" if merged else f"[{again}]"))
    path.write_text("\n".join(lines))


def summary_of(**changes: object) -> Callable[[Path], None]:
    return lambda run: change_summary(run, **changes)


def text_in(name: str, text: str | bytes) -> Callable[[Path], object]:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return lambda run: (run / name).write_bytes(data)


def choice_of(sort: str) -> Callable[[Path], None]:
    def write(run: Path) -> None:
        path = run / ".hydra" / "hydra.yaml"
        content = json.loads(path.read_text())
        content["hydra"]["runtime"]["choices"]["sort"] = sort
        path.write_text(json.dumps(content))

    return write


def link_to_device(run: Path) -> None:
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").symlink_to("/dev/zero")


CONFIG = ".hydra/config.yaml"
METRICS = '{"step": 1, "loss": 2.0}\n'
# What is done to a run, and what the report says about it.
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "summary cut": (text_in("summary.json", '{"test_acc'), "summary.json is not valid JSON: failed"),
    "summary of another kind": (text_in("summary.json", "[]"), "does not hold an object"),
    "not text": (text_in("summary.json", b"\xff\xfe"), "summary.json is not text"),
    "deep JSON": (text_in("summary.json", "[" * 100_000), "summary.json is not valid JSON"),
    "giant number": (summary_of(test_accuracy=10**400), "no test_accuracy that is a number"),
    "infinite metric": (summary_of(test_accuracy="Infinity"), "no test_accuracy that is a number"),
    "metric no word": (summary_of(metric={"a": [1]}), ""),
    "lone surrogate": (summary_of(device="\ud800 gpu"), "differ in device"),
    "script in a summary": (summary_of(device="<script>alert(1)</script>"), "differ in device"),
    "a line amid others": (
        text_in("metrics.jsonl", METRICS + '{"st\n{"step": 4, "loss": 1.0}\n'),
        "metrics.jsonl: line 2 cannot be read, and what follows it is left out",
    ),
    "giant step": (text_in("metrics.jsonl", f'{METRICS}{{"step": 1{"0" * 4000}}}\n'), "the last line is cut"),
    "seconds no number": (
        text_in("metrics.jsonl", '{"step": 4, "loss": 2.0, "seconds": "soon"}\n'),
        "seconds is not a number at step 4",
    ),
    "loss no number": (
        text_in("metrics.jsonl", '{"step": 4, "loss": []}\n'),
        "loss is not a number at step 4",
    ),
    "losses that overflow": (
        text_in("metrics.jsonl", METRICS + '{"step": 4, "loss": 1e308}\n{"step": 5, "loss": "-Infinity"}\n'),
        "",
    ),
    "deep rows": (text_in("metrics.jsonl", METRICS + "[" * 100_000), "the last line is cut"),
    "too few steps": (text_in("metrics.jsonl", METRICS), "metrics.jsonl ends at step 1 of 4"),
    "no rows": (text_in("metrics.jsonl", ""), "metrics.jsonl is empty"),
    "never ending": (link_to_device, "metrics.jsonl is not a file"),
    "no config": (lambda run: (run / CONFIG).unlink(), "no .hydra/config.yaml: left out"),
    "config cut": (text_in(CONFIG, "a: [1"), "is not valid YAML: left out"),
    "deep YAML": (text_in(CONFIG, "[" * 50_000), "too large to be a config: left out"),
    "deep blocks": (text_in(CONFIG, "- " * 100_000), "too large to be a config: left out"),
    "giant number in YAML": (text_in(CONFIG, f"seed: 1{'0' * 5000}"), "is not valid YAML: left out"),
    "number too long to write": (text_in(".hydra/overrides.yaml", f"[0x{'f' * 9999}]"), "left out"),
    "number that overflows": (summary_of(test_accuracy=1e308, step_time_ms=1e308, duration_s=1e308), ""),
    "number next to nothing": (summary_of(test_accuracy=5e-324, step_time_ms=-1e300), ""),
    "alias bomb": (lambda run: bomb(run / CONFIG, merged=False), "too large to be a config: left out"),
    "merge bomb": (lambda run: bomb(run / CONFIG, merged=True), "is not valid YAML: left out"),
    "no overrides": (text_in(".hydra/overrides.yaml", ""), "does not hold a list: left out"),
    "choices cut": (
        text_in(".hydra/hydra.yaml", "hydra:\n  runtime:\n    choi"),
        "does not tell the choices",
    ),
    "no hydra": (lambda run: shutil.rmtree(run / ".hydra"), "no .hydra/config.yaml: left out"),
    "broken mathtext": (choice_of(r"$\frac{$"), ""),
    "script in a choice": (choice_of("<script>alert(1)</script>"), ""),
    "formula in a choice": (choice_of('=HYPERLINK("http://evil")'), ""),
    "marks in a choice": (choice_of("_a`b|c](x)\n\x00\ud800{{ 7 * 7 }}"), ""),
    "pictures in a choice": (
        choice_of("![a](http://evil) ![`b`](http://evil) [c]: http://evil <img src=x>"),
        "",
    ),
}


@pytest.mark.parametrize(("damage", "complaint"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_costs_its_own_run(damage: Callable[[Path], object], complaint: str, sweep: Path) -> None:
    """Builtin's seed 0 is damaged; the other cell keeps its numbers, and the damage is named."""
    damage(sweep / "builtin-0")
    loaded = load_sweep(sweep)
    assert table_lines(table_markdown(headline_table(loaded, 0.82)))[1] == HEADLINE[1]
    named = [point for point in problem_points(loaded) if complaint in point and "builtin-0" in point]
    assert named or not complaint


def test_all_damage_at_once_costs_neither_page_nor_machine(sweep: Path) -> None:
    for number, (damage, _) in enumerate(DAMAGES.values()):
        run = Path(shutil.copytree(sweep / "builtin-0", sweep / f"damaged-{number}"))
        config = json.loads((run / CONFIG).read_text())
        (run / CONFIG).write_text(json.dumps(config | {"seed": 10 + number}))
        damage(run)
    screen = table_lines(write_report(sweep, sweep, target=0.82))
    assert [line for line in screen if line.startswith("manual")] == [HEADLINE[1]]
    text = (sweep / "report.md").read_text(encoding="utf-8")
    markup = (sweep / "report.html").read_text(encoding="utf-8")
    for _, complaint in DAMAGES.values():
        assert complaint in text
    assert Page(markup).tags.count("script") == 1
    assert "img" not in Page(markup).tags
    assert not any(link.startswith("http") for link in Page(markup).links)
    assert "<script" not in text
    assert "<script>alert(1)</script>" in Page(markup).words  # as text
    rows = list(csv.DictReader((sweep / "report.csv").read_text().splitlines()))
    untouched = {row["seed"]: row["test_accuracy"] for row in rows if row["sort"] == "manual"}
    assert untouched == {"0": "0.9", "1": "0.92", "2": "0.97"}
    assert not any(value.startswith("=") for row in rows for value in row.values())
    for drawing in sweep.rglob("*.svg"):
        ElementTree.parse(drawing)  # noqa: S314


@pytest.mark.parametrize("left", ["one run", "one seed", "no curves", "only the metric"])
def test_little_is_enough(left: str, sweep: Path, tmp_path: Path) -> None:
    if left == "one run":
        sweep = sweep / "manual-0"
    for path in sweep.glob("*-*"):
        if left == "one seed" and not path.name.endswith("0"):
            shutil.rmtree(path)
        elif left in ("no curves", "only the metric"):
            (path / "metrics.jsonl").unlink(missing_ok=True)
        if left == "only the metric" and (path / "summary.json").exists():
            (path / "summary.json").write_text('{"test_accuracy": 0.9}')
    screen = write_report(sweep, tmp_path)
    assert re.search(r"0\.9[0-9]*\b", screen)
    assert Page((tmp_path / "report.html").read_text(encoding="utf-8")).tags


def test_a_link_is_replaced_and_not_followed(sweep: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for name in ("report.html", "report.md", "report.csv"):
        (sweep / name).symlink_to(precious)
    (tmp_path / "elsewhere").mkdir()
    (sweep / "report-figures").symlink_to(tmp_path / "elsewhere")
    write_report(sweep, sweep)
    assert precious.read_text() == "mine"
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not os.path.islink(sweep / "report.html")


def test_nowhere_to_write_to(sweep: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write to it"):
        write_report(sweep, tmp_path / "file")


def run_script(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_script_writes_into_the_sweep_and_prints_the_headline(sweep: Path) -> None:
    done = run_script(sweep)
    assert (done.returncode, done.stderr) == (0, "")
    assert table_lines(done.stdout) == HEADLINE
    assert (sweep / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "no such directory"),
        ((".",), "no finished run"),
        (("sweep", "--baseline", "sort=none", "--output", "."), "fits no cell"),
        (("sweep", "--target", "nan"), "give a number"),
    ],
)
def test_script_tells_mistakes_in_a_line(
    arguments: tuple[str, ...], message: str, sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sweep.parent / "empty").mkdir()
    monkeypatch.chdir(sweep.parent / "empty" if arguments == (".",) else sweep.parent)
    done = run_script(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
