"""The README's code runs, and its commands exist."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks.measurements import read_results
from experiments.benchmarks.summaries import summary_table, together_line

README = Path(__file__).parents[1] / "README.md"
CODE = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_its_layer_is_a_model_for_sets_of_different_sizes():
    assert len(CODE) == 1
    scope: dict = {}
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        exec(CODE[0], scope)  # noqa: S102
        assert scope["logits"].shape == (8, 10)
        fewer = scope["model"](jnp.ones((8, 40, 3)), jnp.full((8, 40), True))
    np.testing.assert_array_equal(scope["logits"], fewer)


def test_it_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


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
