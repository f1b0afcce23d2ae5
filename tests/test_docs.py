"""The documentation names every op, shows figures that exist, and holds code that runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import diffsort
import diffsort.losses
import diffsort.nnx
import diffsort.segments
import diffsort.soft
import diffsort.soft_ranks
import diffsort.statistics
from tests.oracles import assert_same_bits

DOCS = Path(__file__).parents[1] / "docs"
GUIDES = DOCS / "guides"
ORDER_STATISTICS = (GUIDES / "order-statistics.md").read_text(encoding="utf-8")
RELAXED = (GUIDES / "relaxed.md").read_text(encoding="utf-8")
SEGMENTS = (GUIDES / "segments.md").read_text(encoding="utf-8")
METHODS = [name for name in diffsort.soft.__all__ if name != "RelaxedSort"]


@pytest.mark.parametrize(
    "name",
    [
        *(*diffsort.statistics.__all__, *diffsort.losses.__all__, *diffsort.nnx.__all__),
        *(*METHODS, *diffsort.soft_ranks.__all__, *diffsort.segments.__all__),
    ],
)
def test_every_op_is_on_a_page(name):
    assert re.search(rf"`{name}[(`]|{name}` draws", ORDER_STATISTICS + RELAXED + SEGMENTS), name


def of_relaxed(scope: dict) -> None:
    assert scope["train_step"]._cache_size() == 1
    assert scope["history"][-1] < scope["history"][0] / 2
    assert np.abs(scope["soft"] - scope["hard"]).max() > 0.01


def of_segments(scope: dict) -> None:
    np.testing.assert_allclose(scope["spread"], [0.5, 7 / 3], rtol=1e-6)


def of_which_sort(scope: dict) -> None:
    assert scope["equal"] == dict.fromkeys(["manual:xla", "builtin", "double_argsort"], True)
    assert scope["same"]
    np.testing.assert_array_equal(scope["exact"], 0)
    assert np.abs(scope["relaxed"]).min() > 0.1


def of_masks(scope: dict) -> None:
    np.testing.assert_array_equal(scope["ordered"], [2, 3, np.inf, 0])
    np.testing.assert_array_equal(scope["gradient"], [0, 0, 0, 1])
    assert list(scope["found"].values()) == [False] * 3
    assert scope["medians"].shape == (4, 16)
    np.testing.assert_array_equal(scope["first_five"][:, 5:], 0)
    np.testing.assert_array_equal(scope["of_nothing"], 0)
    assert np.isnan(scope["no_axis"]).all()
    assert (scope["tail"], scope["distance"]) == (4, 0.5)


def of_sharding(scope: dict) -> None:
    assert scope["along_rows"] == set()
    assert scope["across_rows"] == {"all-gather"}
    assert str(scope["kept"]) == "float32[8@batch,100]"
    assert str(scope["median"]) == "float32[100]"
    assert scope["refusal"].startswith("axis 0 is split between devices (mesh axis 'batch')")
    sets = np.asarray(scope["sets"])
    np.testing.assert_array_equal(scope["gathered"], np.sort(sets, 0))
    np.testing.assert_allclose(scope["value"], np.median(sets, 1).mean(), rtol=1e-5)
    assert (np.asarray(scope["by_sets"]) != 0).sum() == 2 * len(sets)


def of_precision(scope: dict) -> None:
    assert_same_bits(scope["ordered"], np.float32([0.0, -0.0, -0.0, 1.0]))
    np.testing.assert_array_equal(scope["places"], [3, 1, 0, 2])
    np.testing.assert_array_equal(scope["first"], [1, 0])
    dtypes = [scope[name].dtype for name in ("tail", "of_integers", "wide", "indices")]
    assert dtypes == ["bfloat16", "float32", "float64", "int32"]
    assert scope["of_integers"] == 2.5
    assert scope["same_bits"]
    assert 0 < scope["difference"] < 1e-6
    assert scope["median"] == 1.5
    assert "nan" in scope["complaint"]


def of_export(scope: dict) -> None:
    assert scope["kernel_calls"] == 0
    np.testing.assert_allclose(scope["there"], scope["here"], rtol=1e-6)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(scope["gradient"]))
    assert_same_bits(scope["again"], scope["model"](scope["points"], scope["where"]))


def of_performance(scope: dict) -> None:
    assert (scope["forward"], scope["with_gradient"], scope["along"]) == (1, 1, 1)


CHECKS = {
    "relaxed": of_relaxed,
    "segments": of_segments,
    "which_sort": of_which_sort,
    "masks": of_masks,
    "sharding": of_sharding,
    "precision": of_precision,
    "export": of_export,
    "performance": of_performance,
}


def blocks_of(guide: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), flags=re.DOTALL)


def run_guide(name: str) -> None:
    """Runs the code of a guide in one scope, and checks what the page says of it."""
    scope: dict = {}
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for block in blocks_of(GUIDES / f"{name}.md"):
            exec(block, scope)  # noqa: S102
    CHECKS[name](scope)


WITH_CODE = {path.stem for path in GUIDES.glob("*.md") if blocks_of(path)}
LONG = {"export", "sharding"}  # what they say is tested elsewhere, too


@pytest.mark.parametrize(
    "guide",
    [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in sorted(WITH_CODE)],
)
def test_the_code_of_a_guide_runs_and_does_what_the_page_says(guide: str) -> None:
    if guide != "sharding":
        return run_guide(guide)
    # How many devices there are is settled when JAX starts.
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "from tests.test_docs import run_guide; run_guide('sharding')"],
        cwd=DOCS.parent,
        env=os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=4"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return None


def costs_on(guide: str) -> list[tuple[str, dict[str, str]]]:
    """The rows of all tables with times of `manual`, and the folder of the run that is named before them."""
    found = []
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    _, *pieces = re.split(r"\(\.\./benchmarks/([\w.-]+)/results\.json\)", text)
    for folder, piece in zip(pieces[::2], pieces[1::2], strict=True):
        for table in re.findall(r"(?:^\|.*\|\n)+", piece, flags=re.MULTILINE):
            head, _, *body = (
                [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.splitlines()
            )
            if head[0] == "implementation":  # turned over
                names = [cells[0] for cells in body]
                times = ((case, [cells[i] for cells in body]) for i, case in enumerate(head) if i)
                found += [(folder, {"case": case, **dict(zip(names, t, strict=True))}) for case, t in times]
            if "manual" in head:
                found += [(folder, dict(zip(head, cells, strict=True))) for cells in body]
    return found


@pytest.mark.parametrize(("guide", "rows"), [("which_sort", 7), ("performance", 6)])
def test_its_figures_are_those_of_the_committed_results(guide: str, rows: int) -> None:
    found = costs_on(guide)
    assert len(found) == rows
    for folder, row in found:
        results = json.loads((DOCS / "benchmarks" / folder / "results.json").read_text())["results"]
        known = row.keys() & {"suite", "case", "quantity"}
        (result,) = [r for r in results if all(r[name] == row[name] for name in known)]
        for name in row.keys() - known:
            median = result["measurements"][name]["median"]
            assert float(row[name]) == pytest.approx(median, rel=5e-3, abs=5e-4), (guide, row, name)


PAGES = sorted([*DOCS.glob("*.md"), *GUIDES.glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_figures_and_links_of_a_page_exist(page):
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_figure_is_on_the_page():
    shown = set(re.findall(r"order-statistics/(\w+)\.svg", ORDER_STATISTICS))
    assert shown == {path.stem for path in (GUIDES / "order-statistics").glob("*.svg")}


STUDIES = sorted((DOCS / "studies").glob("**/README.md"))


@pytest.mark.parametrize("page", STUDIES, ids=lambda page: page.parent.name)
def test_figures_and_links_of_a_study_exist(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    if page.parent.name != "studies":
        assert f"python scripts/train.py +experiment={page.parent.name}" in text
        assert "**Finding:" in text
        assert "**Not shown" in text
