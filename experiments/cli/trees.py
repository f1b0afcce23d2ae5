"""A composed config as nested dictionaries: what is at a dotted key, and what could be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class _NoValue:
    """The answers of :func:`find` that are no value."""


UNKNOWN, OPEN = _NoValue(), _NoValue()


def find(tree: object, key: str) -> Any:
    """The value of a dotted key, ``OPEN`` where any key is welcome, or ``UNKNOWN``."""
    for part in key.split("."):
        if isinstance(tree, dict) and part in tree:
            tree = tree[part]
        elif isinstance(tree, list) and part.isdecimal() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            # A reference may lead to anything, and Hydra follows it.
            return OPEN if tree == {} or is_reference(tree) else UNKNOWN
    return tree


def nodes(tree: object, prefix: str = "", *, into_lists: bool = True) -> Iterator[tuple[str, Any]]:
    """All dotted keys and their values, sections included."""
    items = dict(enumerate(tree)) if into_lists and isinstance(tree, list) else tree
    for name, value in items.items() if isinstance(items, dict) else ():
        key = f"{prefix}.{name}" if prefix else str(name)
        yield key, value
        yield from nodes(value, key, into_lists=into_lists)


def is_reference(value: object) -> bool:
    """Whether a value is a ``${...}``, or has one in it."""
    return isinstance(value, str) and "${" in value


def keys_around(tree: dict[str, Any], key: str) -> str:
    """The keys there are where a key was looked for, in words."""
    section = _deepest(tree, key)
    names = find(tree, section) if section else tree
    return f"keys{f' of {section}' if section else ''}: {', '.join(names)}"


def kind_missed(value: object, default: object) -> str | None:
    """The kind of value that a default wants, in words; None where this value may replace it."""
    kind = _kind_of(default)
    fits = kind is None or value is None or is_reference(value) or _is_kind(value, default)
    return None if fits else kind


def without_hydra(tree: dict[str, Any]) -> dict[str, Any]:
    """All but Hydra's own part."""
    return {name: value for name, value in tree.items() if name != "hydra"}


def _deepest(tree: dict[str, Any], key: str) -> str:
    """The innermost section on the way to a key; empty at the root."""
    while key := key.rpartition(".")[0]:
        if isinstance(find(tree, key), dict):
            break
    return key


def _kind_of(default: object) -> str | None:
    """The kind of value that may replace a default, in words; None where anything may."""
    match default:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case list():
            return "a list"
        case dict() if default:
            return "no value, being a section"
    return None


def _is_kind(value: object, default: object) -> bool:
    """Whether a value may replace a default of a kind that :func:`_kind_of` names."""
    if isinstance(value, bool) or not isinstance(default, float):
        return type(value) is type(default)
    return isinstance(value, int | float)
