"""The tutorials and examples of the site run, what they claim is so, and their code is clean."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import numpy as np
import pytest

plt = pytest.importorskip("matplotlib.pyplot", reason="with the experiments alone")

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path.relative_to(DOCS).as_posix()
    for pattern in ("start.md", "tutorials/*.md", "examples/*.py")
    for path in DOCS.glob(pattern)
    if path.name != "index.md"
)

Scope = dict[str, Any]
Check = Callable[[Scope], None]
CHECKS: dict[str, Check] = {}  # what is true after a page has run
SLOW: set[str] = set()  # pages that take more than five seconds


def page(name: str, *, slow: bool = False) -> Callable[[Check], Check]:
    """Returns a decorator that makes a function the check of a page."""

    def register(check: Check) -> Check:
        CHECKS[name] = check
        SLOW.update([name] * slow)
        return check

    return register


@page("start.md", slow=True)
def _(scope: Scope) -> None:
    assert scope["history"][-1] < 0.2 * scope["history"][0]


@page("examples/set_classifier_nnx.py", slow=True)
def _(scope: Scope) -> None:
    assert scope["accuracy"](scope["model"], scope["test"]) > 0.93
    assert scope["accuracy"](scope["with_max"], scope["test"]) > 0.88


@page("examples/set_classifier_linen.py", slow=True)
def _(scope: Scope) -> None:
    assert scope["accuracy"](scope["model"], scope["params"], scope["test"]) > 0.92
    assert scope["accuracy"](scope["max_model"], scope["max_params"], scope["test"]) > 0.88


@page("tutorials/robust_loss.md")
def _(scope: Scope) -> None:
    distance = scope["distance"]
    assert distance(scope["by_trimmed"]) < 0.1
    assert 0.5 < distance(scope["by_mean"]) < 0.7
    weights = {name.split(",")[0]: np.asarray(weight) for name, weight in scope["weights"].items()}
    np.testing.assert_allclose(weights["trimmed"], [1 / 15] * 15 + [0] * 5, rtol=1e-6)
    np.testing.assert_allclose(weights["cvar"], [0] * 15 + [1 / 5] * 5, rtol=1e-6)
    errors = {name: np.abs(line - scope["bent"]) for name, line in scope["lines"].items()}
    trimmed, mean, cvar, top = (
        next(e for name, e in errors.items() if name.startswith(prefix))
        for prefix in ("trimmed", "mean", "cvar", "average")
    )
    assert trimmed.max() > mean.max() > cvar.max() > top.max()
    assert trimmed.mean() < mean.mean() < cvar.mean() < top.mean()


@page("tutorials/intervals.md", slow=True)
def _(scope: Scope) -> None:
    x, y = scope["test"]
    coverage, level = scope["coverage"], scope["level"]
    for band in (scope["quantile_band"], scope["ensemble_band"]):
        low, _, high = band(x)
        assert 0.75 < coverage(low, high, y) < 0.89
        margin = np.quantile(scope["scores"](band, scope["calibration"]), level, method="inverted_cdf")
        assert 0.87 < coverage(low - margin, high + margin, y) < 0.93
    assert scope["shares"]["without weights"] < 0.88 < scope["shares"]["with weights"] < 0.93
    for shares in scope["calibrations"].values():
        np.testing.assert_allclose(shares, scope["levels"], atol=0.12)


@page("tutorials/exact_and_relaxed.md", slow=True)
def _(scope: Scope) -> None:
    histories = scope["histories"]
    exact = histories.pop("exact")
    assert not exact[:, 1].any()
    np.testing.assert_array_equal(exact[0], exact[-1])
    for history in histories.values():
        assert history[0, 1] > 0
        assert history[-1, 2] > 0.85
    straight, annealed = histories["straight-through"], histories["annealed"]
    assert (straight[0, 0], annealed[0, 0]) == (exact[0, 0], histories["relaxed"][0, 0])


@page("tutorials/ragged_sets.md", slow=True)
def _(scope: Scope) -> None:
    assert scope["same_values"]
    assert scope["same_gradient"]
    np.testing.assert_allclose(scope["by_rows"], scope["by_segments"], rtol=1e-6, atol=1e-6)
    assert scope["difference"] < 1e-5
    exact, roomy = scope["exact_gradient"].knots[...], scope["roomy_gradient"].knots[...]
    assert np.abs(exact).max() > 1e-3
    np.testing.assert_allclose(roomy, exact, atol=1e-6)


@page("tutorials/your_own_implementation.md", slow=True)
def _(scope: Scope) -> None:
    for name in ("agreed", "derivatives_agree", "jacobians_agree"):
        assert len(scope[name]) > 1
        assert all(scope[name]), name
    assert scope["values_are_exact"]
    assert scope["mask_is_a_slice"]
    np.testing.assert_array_equal(scope["exact_gradient"], [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(scope["blurred_gradient"], [0, 0, 0.25, 0.25, 0.5])
    for ours, oracle in zip(*map(scope["pooled"], ("manual:counting", "builtin")), strict=True):
        np.testing.assert_allclose(ours, oracle, rtol=1e-5)


@page("tutorials/training.md", slow=True)
def _(scope: Scope) -> None:
    accuracies = [row["validation_accuracy"] for row in scope["evaluations"]]
    assert len(accuracies) == 4
    assert accuracies[-1] > max(0.6, accuracies[0])
    assert scope["metrics"]["accuracy"] > 0.6
    assert scope["run"].step == 200
    sweep = Path(scope["runs"]) / "sweep"
    assert len(list(sweep.rglob("summary.json"))) == 4
    assert (sweep / "report.html").is_file()


@page("tutorials/scaling.md", slow=True)
def _(scope: Scope) -> None:
    assert scope["apart"] < 1e-4
    assert scope["status"] == 128 + 15
    assert 50 <= scope["reached"] < 600
    assert scope["equal"]
    assert max(scope["losses_of"]("interrupted")) == 600
    assert max(scope["losses_of"]("longer")) == 40
    assert len(list((scope["runs"] / "sweep").rglob("summary.json"))) == 2


def cells(name: str) -> list[str]:
    """The code of a page, each cell by itself."""
    text = (DOCS / name).read_text(encoding="utf-8")
    if name.endswith(".py"):
        return re.split(r"^(?=# %%)", text, flags=re.MULTILINE)
    found = re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"\A(:[^\n]*\n)+|\A---\n.*?^---\n", "", cell, flags=re.M | re.S) for cell in found]


COMMAND = re.compile(r"^( *)!(.+)$", re.MULTILINE)  # a line for the shell, as in a notebook


def shell(command: str) -> None:
    """Runs a command from the repository's root, where `python` is this one."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S602
        command, shell=True, cwd=ROOT, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@pytest.fixture
def _no_window(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Figures are drawn, and closed where they would be shown."""
    plt.switch_backend("Agg")

    def show() -> None:
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    yield
    plt.close("all")


def test_every_page_has_its_check() -> None:
    assert sorted(CHECKS) == PAGES


@pytest.mark.usefixtures("_no_window")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CHECKS]
)
def test_a_page_runs_and_what_it_claims_is_so(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scope: Scope = {"__name__": "__main__", "shell": shell}
    with (
        mock.patch.dict(os.environ),
        np.printoptions(),
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
    ):
        for number, cell in enumerate(cells(name)):
            code = COMMAND.sub(lambda line: f"{line[1]}shell({line[2]!r})", cell)
            exec(compile(code, f"{name}, cell {number}", "exec"), scope)  # noqa: S102
        CHECKS[name](scope)


def test_ruff_finds_nothing_in_the_cells(tmp_path: Path) -> None:
    for name in PAGES:
        file = tmp_path / Path(name).with_suffix(".py").name
        between = "" if name.endswith(".py") else "\n0  # the next cell\n\n"  # ends a cell of imports
        file.write_text(COMMAND.sub(r"\1shell()", between.join(cells(name))), encoding="utf-8")
    rules = ["--select", "E,F,I,B,NPY,UP", "--ignore", "E402,B018"]
    settings = [
        *("--config", 'lint.isort.known-first-party=["diffsort", "experiments"]'),
        *("--config", 'builtins=["shell"]', "--line-length", "110", "--target-version", "py311"),
    ]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", *rules, *settings, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [name for name in PAGES if name.endswith(".py")])
def test_an_example_is_short(name: str) -> None:
    lines = (DOCS / name).read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert 20 < len(code) <= 80
