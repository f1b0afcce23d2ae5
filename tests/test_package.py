"""The package as a whole: its names, what it imports, and when it wakes the accelerator."""

import ast
import importlib
import os
import pathlib
import re
import subprocess
import sys

import pytest

import diffsort

ROOT = pathlib.Path(diffsort.__file__).parent
ALLOWED = {"diffsort", "flax", "jax", "jaxlib", "numpy", *sys.stdlib_module_names}
OPTIONAL = {"_sinkhorn.py": {"ott"}}  # imported where it is used, so not with the package


def test_the_public_names() -> None:
    assert list(diffsort.__all__) == sorted(diffsort.__all__)
    submodules = set(dir(diffsort)) - {*diffsort.__all__, "__version__"}
    assert all(getattr(diffsort, name).__name__ == f"diffsort.{name}" for name in submodules)


@pytest.mark.parametrize("name", diffsort.__all__)
def test_every_public_name_is_documented_with_an_example(name: str) -> None:
    documentation = getattr(diffsort, name).__doc__
    assert any(word in documentation for word in ("Returns", "Raises", "Attributes"))
    if name not in ("implementation_names", "Implementation"):
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


def imported_modules(path: pathlib.Path) -> set[str]:
    """The modules that a file imports, by their full names; names taken from a module among them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("folder", ["diffsort", "experiments", "scripts"])
def test_internal_modules_are_used_by_the_package_that_holds_them(folder: str) -> None:
    for path in (ROOT.parent / folder).rglob("*.py"):
        here = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
        for name in imported_modules(path):
            if name.startswith("diffsort.") and "._" in name:
                owner = name[: name.index("._")]
                assert here.startswith(f"{owner}."), f"{here} imports {name}"


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


def test_without_flax_all_but_the_layers_can_be_had() -> None:
    modules = [
        ".".join(["diffsort", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
        for path in ROOT.rglob("*.py")
        if path.relative_to(ROOT).parts[0] not in ("nnx", "linen", "_flax.py") and path.name != "build.py"
    ]
    assert len(modules) > 50
    program = f"""
import importlib, sys
sys.modules["flax"] = None  # importing it fails as if it were not there
for name in {modules}:
    importlib.import_module(name)
for name in ("diffsort.nnx", "diffsort.linen"):
    try:
        importlib.import_module(name)
    except ImportError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT.parent, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    fix = "flax is not installed; layers need it: pip install flax\n"
    assert done.stdout == 2 * fix


def private_names(source: str) -> set[str]:
    """What Python code takes from JAX, Flax or NumPy under a name that begins with an underscore."""
    names = set()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(ast.unparse(node))
    aliases = {"jnp": "jax", "lax": "jax", "nn": "flax", "nnx": "flax", "np": "numpy"}
    owned = {name for name in names if aliases.get(first := name.partition(".")[0], first) in THEIRS}
    return {name for name in owned if any(re.match(r"_(?!_)", part) for part in name.split("."))}


THEIRS = {"flax", "jax", "jaxlib", "numpy"}
PRIVATE = "jax._src.dispatch.prim_requires_devices_during_lowering"


def test_one_private_name_of_others_is_used() -> None:
    assert private_names("from jax import core as c; jax._src.core.get_aval") == {
        "jax._src.core.get_aval",
        "jax._src.core",
        "jax._src",
    }
    used = {name for path in ROOT.rglob("*.py") for name in private_names(path.read_text(encoding="utf-8"))}
    assert used == {PRIVATE}


def test_the_private_name_is_still_there() -> None:
    module, _, name = PRIVATE.rpartition(".")
    registered = getattr(importlib.import_module(module), name, None)
    assert isinstance(registered, set), (
        f"JAX has no {PRIVATE} any more. Without it diffsort/engines/_partitioning.py cannot tell how many "
        "devices a program is for, so that a sort over several of them falls from the kernel to XLA: find "
        "what JAX's own custom_partitioning asks now, in its module, and use that in require_devices."
    )
