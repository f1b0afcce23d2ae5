"""The README's code runs, and its commands exist."""

import re
from pathlib import Path

import jax

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


def test_continuous_integration_runs_the_readmes_test_command():
    lines = README.read_text(encoding="utf-8").splitlines()
    assert sum(bool(re.match(r"^python3 -m venv .*pytest", line)) for line in lines) == 1


def test_scripts_that_it_names_exist():
    for script in set(re.findall(r"scripts/\w+\.py", README.read_text(encoding="utf-8"))):
        assert (README.parent / script).is_file(), script
