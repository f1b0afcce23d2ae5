"""The bibliography holds every work that the code and the pages name as their source."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIBLIOGRAPHY = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^@\w+\{([^,]+),\n(.*?)^\}$", BIBLIOGRAPHY, flags=re.MULTILINE | re.DOTALL)
SOURCE = re.compile(r"\bSources?\b[^:\n]*: (.*?)(?:\n\s*(?://)?\s*(?:\n|$)|\"\"\"|\Z)", flags=re.DOTALL)


def normal(title: str) -> str:
    return " ".join(re.findall("[a-z0-9]+", title.lower()))


def fields(entry: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+) = \{+(.*?)\}+,?$", entry, flags=re.MULTILINE))


def names(entry: dict[str, str]) -> set[str]:
    """How a work may be called: by its title, by what stands before a colon, or by its short title."""
    title = entry["title"]
    return {normal(name) for name in (title, title.partition(":")[0], entry.get("shorttitle", title))}


WORKS = [fields(entry) for _, entry in ENTRIES]


def sources() -> list[tuple[str, str]]:
    """Where the code names sources, and what it says there."""
    found = []
    for folder in ("diffsort", "experiments"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".h", ".cc", ".md"):
                text = path.read_text(encoding="utf-8").replace("\n// ", "\n")
                found += [(path.name, " ".join(block.split())) for block in SOURCE.findall(text)]
    return found


def works_in(said: str) -> list[str]:
    """The titles of the works that a source names: by title and year, or as `Grover et al. (2019)`."""
    years, text = set(re.findall(r"\b(?:19|20)\d\d\b", said)), f" {normal(said)} "
    by_author = {(name, year) for name, year in re.findall(r"(\w+) et al\. \((\d{4})\)", said)}
    return [
        work["title"]
        for work in WORKS
        if (work["year"] in years and any(f" {name} " in text for name in names(work)))
        or (work.get("author", "").partition(",")[0], work["year"]) in by_author
    ]


def test_keys_are_unique_and_name_author_and_year():
    keys = [key for key, _ in ENTRIES]
    assert len(keys) == len(set(keys)) == BIBLIOGRAPHY.count("\n@")
    for key, work in zip(keys, WORKS, strict=True):
        assert re.fullmatch(rf"[a-z]+{work['year']}[a-z0-9]+", key), key
    titles = [normal(work["title"]) for work in WORKS]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize(("file", "said"), sources(), ids=[file for file, _ in sources()])
def test_every_source_is_in_it(file, said):
    years = re.findall(r"\b(?:19|20)\d\d\b", said)
    assert len(works_in(said)) == len(years), f"{file}: {said}"
    assert years or re.match("as for `|`", said), "a source has a year, or names code"


def test_a_source_that_is_not_in_it_is_found():
    assert works_in("A. Author, Deep Sets, NeurIPS 2017; B. Author, Deep Bags, 2018.") == ["Deep Sets"]
    assert works_in("M. Zaheer et al., Deep Sets, 2018.") == []
    assert SOURCE.findall("x\n\n    Source: A, B,\n    2017.\n\n    Args:\n") == ["A, B,\n    2017."]
    assert len(sources()) > 60


def test_every_preprint_that_a_page_links_is_in_it():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    linked = {n for page in pages for n in re.findall(r"arxiv\.org/abs/([\d.]+)", page.read_text("utf-8"))}
    assert linked
    assert linked <= {work.get("eprint") for work in WORKS}
