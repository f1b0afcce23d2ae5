"""The README's code runs, and its commands exist."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from experiments.benchmarks.measurements import read_results
from experiments.benchmarks.summaries import summary_table, together_line

README = Path(__file__).parents[1] / "README.md"
CODE = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_examples_run_and_the_model_learns():
    scope: dict = {}
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for block in CODE:
            exec(block, scope)  # noqa: S102
    history = scope["history"]
    assert len(CODE) == 3
    assert history[-1] < 0.2 * history[0]
    assert_masked_points_leave_no_trace(*(scope[name] for name in ("model", "points", "where", "targets")))


def assert_masked_points_leave_no_trace(model, points, where, targets):
    """As the README says of its model: no bit of the loss, of a gradient of a parameter or of the points."""

    @nnx.jit
    @nnx.value_and_grad(argnums=(0, 1))
    def loss(model, points):
        return jnp.mean(optax.squared_error(model(points, where)[:, 0], targets))

    clean, *others = (
        loss(model, jnp.where(where[..., None], points, hidden)) for hidden in (0.0, jnp.nan, jnp.inf)
    )
    for dirty in others:
        jax.tree.map(np.testing.assert_array_equal, dirty, clean)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(clean))


def test_continuous_integration_runs_the_readmes_test_command():
    lines = README.read_text(encoding="utf-8").splitlines()
    assert sum(bool(re.match(r"^python3 -m venv .*pytest", line)) for line in lines) == 1


def test_scripts_that_it_names_exist():
    for script in set(re.findall(r"scripts/\w+\.py", README.read_text(encoding="utf-8"))):
        assert (README.parent / script).is_file(), script


def test_it_names_the_jax_of_the_constraints() -> None:
    constraints = (README.parent / "constraints.txt").read_text(encoding="utf-8")
    old, new = re.findall(r'^jax==(\S+); python_version [<>=]+ "3.12"$', constraints, flags=re.MULTILINE)
    said = re.search(r"^Python 3.11 gets JAX (\S+), .* 3.13 get JAX (\S+);", README.read_text(), re.MULTILINE)
    assert said.groups() == (old, new)


STUDIES = README.parent / "docs" / "studies"


def rows_of(text: str) -> dict[str, set[str]]:
    """The numbers of all table rows that begin with the same word, by that word."""
    rows: dict[str, set[str]] = {}
    for line in re.findall(r"^\|(.*)\|$", text, flags=re.MULTILINE):
        first, _, cells = line.partition("|")
        if word := re.search(r"\w+", first):
            rows.setdefault(word[0], set()).update(re.findall(r"\d[\d.,]*\d|\d", cells))
    return rows


@pytest.mark.parametrize(("study", "rows"), [("engines", 4), ("pooling", 6)])
def test_its_headlines_are_those_of_the_committed_studies(study: str, rows: int) -> None:
    text = README.read_text(encoding="utf-8")
    _, _, behind = text.partition(f"](docs/studies/{study}/README.md)")
    _, body = re.search(r"^(\|.*\|\n\|[-|]*\|\n)((?:\|.*\|\n)+)", behind, flags=re.MULTILINE).groups()
    said, found = rows_of(body), rows_of((STUDIES / study / "report.md").read_text(encoding="utf-8"))
    assert len(said) == rows
    for name, numbers in said.items():
        assert len(numbers) > 3
        assert numbers <= found[name], name


BENCHMARKS = README.parent / "docs" / "benchmarks"


def test_its_benchmark_is_that_of_the_committed_results() -> None:
    text = README.read_text(encoding="utf-8")
    (folder,) = set(re.findall(r"docs/benchmarks/([\w.-]+)/", text))
    machine, results = read_results(BENCHMARKS / folder / "results.json")
    assert summary_table(machine, results) in text
    (factor,) = re.findall(r"([\d.]+)× as fast as builtin", together_line(results) or "")
    assert f"is about {float(factor):.0f} times faster on a CPU, forward and backward" in text


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in BENCHMARKS.glob("*/results.json")))
def test_every_committed_benchmark_is_on_its_page(folder: str) -> None:
    page = BENCHMARKS.with_suffix(".md").read_text(encoding="utf-8")
    assert summary_table(*read_results(BENCHMARKS / folder / "results.json")) in page
    for file in (BENCHMARKS / folder).iterdir():
        assert f"benchmarks/{folder}/{file.name}" in page


def test_links_and_figures_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)|src(?:set)?=\"([^\"]+)\"", README.read_text(encoding="utf-8")):
        target = "".join(target)
        assert target.startswith("https://") or (README.parent / target).exists(), target
