"""How the source is cut: what may import what, names that tell files apart, files short enough to read."""

import ast
import graphlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each may import what stands left of it.
FOLDERS = ("diffsort", "experiments", "hydra_plugins", "scripts")

# The packages and modules of experiments/. Each may import from the lines above its own, and nothing else.
ORDER = (
    ("errors", "hydra_versions", "sort_schema"),
    ("schema",),
    ("files",),
    ("run_directory",),
    ("plots",),
    ("data", "models", "losses"),
    ("tasks",),
    ("training",),
    ("sweeps",),
    ("cli", "report", "benchmarks"),
)

MOST_LINES = 350

PATHS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields everything in a tree but what is for type checkers alone, which never runs."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield node
            yield from nodes(node)


def imports(path: Path) -> Iterator[str]:
    """Yields the modules of this project that a file imports, wherever in it the import stands."""
    for node in nodes(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: a relative import"
            # A package is asked for one of its modules, or for a name in its __init__.py.
            asked = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in PATHS else str(node.module) for name in asked]
        yield from (name for name in names if name in PATHS)


GRAPH = {module: set(imports(path)) for module, path in PATHS.items()}


def part(module: str) -> str:
    """Returns the folder that a module is of, and the package or module just below it."""
    return ".".join(module.split(".")[:2])


def assert_no_circle(graph: dict[str, set[str]]) -> None:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" is imported by ".join(error.args[1]))


def test_no_modules_import_each_other() -> None:
    assert_no_circle(GRAPH)


def test_no_packages_import_each_other() -> None:
    parts: dict[str, set[str]] = defaultdict(set)
    for module, imported in GRAPH.items():
        parts[part(module)] |= {part(other) for other in imported} - {part(module)}
    assert_no_circle(parts)


def test_folders_import_one_way() -> None:
    rank = {folder: place for place, folder in enumerate(FOLDERS)}
    for module, imported in GRAPH.items():
        for other in imported:
            assert rank[other.split(".")[0]] <= rank[module.split(".")[0]], f"{module} imports {other}"


def test_packages_of_experiments_import_one_way() -> None:
    rank = {f"experiments.{name}": place for place, names in enumerate(ORDER) for name in names}
    found = {part(module) for module in PATHS if module.startswith("experiments.")}
    assert found <= rank.keys(), "say in ORDER where they stand"
    wrong = [
        f"{module} imports {other}"
        for module, imported in GRAPH.items()
        for other in imported
        if part(module) in rank and part(module) != part(other) and other.startswith("experiments")
        if rank.get(part(other), len(ORDER)) >= rank[part(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_two_files_of_experiments_have_one_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module, path in PATHS.items():
        if module.startswith("experiments.") and path.name != "__init__.py":
            places[path.name].append(str(path.relative_to(ROOT)))
    doubles = [" and ".join(paths) for paths in places.values() if len(paths) > 1]
    assert not doubles, "\n".join(doubles)


def test_no_file_is_too_long_to_read_at_once() -> None:
    lines = {module: path.read_text(encoding="utf-8").count("\n") for module, path in PATHS.items()}
    assert not {module: count for module, count in lines.items() if count > MOST_LINES}
