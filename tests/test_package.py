"""The package as a whole: its names, what it imports, and when it wakes the accelerator."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

import diffsort

ROOT = pathlib.Path(diffsort.__file__).parent
NAMES = {
    "argsort",
    "gini_mean_difference",
    "implementation_names",
    "inverse_permutation",
    "l_moments",
    "l_statistic",
    "median",
    "order_statistic",
    "permute",
    "quantile",
    "rank",
    "register_implementation",
    "sort",
    "sort_key_val",
    "sort_with_indices",
    "superquantile",
    "top_k",
    "trimmed_mean",
    "winsorized_mean",
}
ALLOWED = {"diffsort", "flax", "jax", "jaxlib", "numpy", *sys.stdlib_module_names}
OPTIONAL = {"transport.py": {"ott"}}  # imported where it is used, so not with the package


def test_the_public_names() -> None:
    assert set(diffsort.__all__) == NAMES
    assert list(diffsort.__all__) == sorted(diffsort.__all__)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_is_documented_with_an_example(name: str) -> None:
    documentation = getattr(diffsort, name).__doc__
    assert "Returns" in documentation or "Raises" in documentation
    if name != "implementation_names":
        assert ">>> " in documentation


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_but_jax_flax_and_numpy_is_imported(path: pathlib.Path) -> None:
    allowed = ALLOWED | OPTIONAL.get(path.name, set())
    for node in ast.walk(ast.parse(path.read_text())):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            modules = [node.module or ""]
        for module in modules:
            assert module.partition(".")[0] in allowed, f"line {node.lineno} imports {module}"


def test_importing_it_starts_no_backend_and_loads_nothing_else() -> None:
    # With a platform that does not exist, whatever asks JAX for a device fails.
    program = """
import sys, diffsort
loaded = {"flax", "optax", "hydra", "tensorflow_datasets", "orbax", "ott"} & set(sys.modules)
assert not loaded, loaded
import jax
try:
    jax.devices()
except RuntimeError:
    print("asleep")
"""
    environment = {**os.environ, "JAX_PLATFORMS": "nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "asleep\n"
