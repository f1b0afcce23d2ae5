"""The documentation names every op, shows figures that exist, and holds code that runs."""

import re
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


def test_the_code_about_relaxed_sorts_runs_and_anneals():
    scope: dict = {}
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for block in re.findall(r"```python\n(.*?)```", RELAXED, flags=re.DOTALL):
            exec(block, scope)  # noqa: S102
    assert scope["train_step"]._cache_size() == 1
    assert scope["history"][-1] < scope["history"][0] / 2
    assert np.abs(scope["soft"] - scope["hard"]).max() > 0.01


def test_the_code_about_segments_runs():
    scope: dict = {}
    with jax.numpy_dtype_promotion("standard"):
        for block in re.findall(r"```python\n(.*?)```", SEGMENTS, flags=re.DOTALL):
            exec(block, scope)  # noqa: S102
    np.testing.assert_allclose(scope["spread"], [0.5, 7 / 3], rtol=1e-6)


PAGES = sorted([*DOCS.glob("*.md"), *GUIDES.glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_figures_and_links_of_a_page_exist(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
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
