"""The versions of the packages that diffsort needs, and whether they are in range. Imports none of them."""

import importlib.metadata
import importlib.util
import itertools
import re
import tomllib
from pathlib import Path

PACKAGES = ("jax", "jaxlib", "flax", "numpy")
# What is said of a package that one can do without, where it is not there.
MISSING = {"flax": "flax is not installed; layers need it: pip install flax"}
_NAME = "diffsort-jax"  # of the distribution


def describe(package: str) -> str:
    """Returns a package's name and version; and whether that is too old or too new, with the range."""
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        is_missing = package in MISSING and importlib.util.find_spec(package) is None
        return MISSING[package] if is_missing else f"{package} of an unknown version"
    limits, installed = _limits(package), _release(version)
    bounds = ",".join(f"{sign}{limits[sign]}" for sign in (">=", "<") if sign in limits)
    needed = f"diffsort needs {package}{bounds}"
    if ">=" in limits and installed < _release(limits[">="]):
        return f"{package} {version}, which is too old: {needed}"
    if "<" in limits and installed >= _release(limits["<"]):
        return f"{package} {version}, which is too new: {needed}"
    return f"{package} {version}"


def complaints() -> list[str]:
    """Returns a line for each package that is too old or too new."""
    return [line for line in map(describe, PACKAGES) if ", which is too " in line]


def _limits(package: str) -> dict[str, str]:
    """What comes after `>=` and `<` in the requirement of a package, be it an extra's."""
    for requirement in _requirements():
        wanted, specifiers = re.fullmatch(r"([\w.-]*)([^;]*).*", requirement, re.DOTALL).groups()  # type: ignore[union-attr]
        if wanted == package:
            return dict(re.findall(r"(>=|<)\s*([\d.]+)", specifiers))
    return {}


def _requirements() -> list[str]:
    """Those of the installed distribution; or, in a checkout that is not installed, of the checkout."""
    try:
        return importlib.metadata.requires(_NAME) or []
    except importlib.metadata.PackageNotFoundError:
        path = Path(__file__).parents[1] / "pyproject.toml"
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"] if path.exists() else {}
        if project.get("name") != _NAME:
            return []
        return [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]


def _release(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with, so that a preview of a release counts as that release."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", version)[0])]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
