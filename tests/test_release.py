"""What a release needs: one version, a README for a package index, workflows that name what exists."""

import importlib.util
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

import diffsort

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))

_spec = importlib.util.spec_from_file_location("hatch_readme", ROOT / "hatch_readme.py")
assert _spec is not None
assert _spec.loader is not None
hatch_readme = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hatch_readme)
Repository, for_package_index = hatch_readme.Repository, hatch_readme.for_package_index
SOMEWHERE = Repository("https://git.example/of/us", "v1.0")


@pytest.mark.parametrize(
    ("file", "pattern"),
    [("CHANGELOG.md", r"^## \[?(\d[^\s\]]*)"), ("CITATION.cff", r"^version: \"?([^\s\"]+)")],
)
def test_the_version_is_the_same_everywhere(file: str, pattern: str) -> None:
    first = re.search(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert first is not None
    assert first[1] == diffsort.__version__


def targets(markdown: str) -> list[str]:
    """Where links and images lead in the HTML of a page, by a parser of its own."""
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    return re.findall(r'\b(?:href|src|srcset)="([^"]*)"', html)


def code(markdown: str) -> list[str]:
    """The code of a page, in blocks and in lines."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    return [token.content for token in [*tokens, *inline] if token.type in ("fence", "code_inline")]


def test_the_readme_on_a_package_index_leads_to_the_revision_that_was_built() -> None:
    written = for_package_index(README, SOMEWHERE)
    before, after = targets(README), targets(written)
    assert len(before) == len(after) > 10
    kinds = set()
    for old, new in zip(before, after, strict=True):
        if old.startswith("https://"):
            assert new == old
            continue
        kind = new.removeprefix("https://git.example/of/us/").partition("/v1.0/")[0]
        assert new == f"https://git.example/of/us/{kind}/v1.0/{old}"
        assert kind == ("raw" if old.endswith((".png", ".svg")) else "blob")
        kinds.add(kind)
    assert kinds == {"raw", "blob"}
    assert code(written) == code(README)


def test_the_readme_of_an_unknown_repository_says_the_same_without_pictures() -> None:
    written = for_package_index(README, None)
    assert all(target.startswith("https://") for target in targets(written))
    assert "<picture" not in written
    assert "![" not in written
    assert code(written) == code(README)


@pytest.mark.parametrize(
    ("markdown", "known", "unknown"),
    [
        ("[a `b`](./c.md#d)", "[a `b`](https://git.example/of/us/blob/v1.0/c.md#d)", "a `b`"),
        ("[a](#b-c)", "[a](https://git.example/of/us/blob/v1.0/README.md#b-c)", "a"),
        ("[a](https://b.example/c)", "[a](https://b.example/c)", "[a](https://b.example/c)"),
        ("[a](mailto:b@c.example)", "[a](mailto:b@c.example)", "[a](mailto:b@c.example)"),
        ('![a](b.png "c")d', '![a](https://git.example/of/us/raw/v1.0/b.png "c")d', "d"),
        (
            "[![a](b.svg)](c.yml)",
            "[![a](https://git.example/of/us/raw/v1.0/b.svg)](https://git.example/of/us/blob/v1.0/c.yml)",
            "",
        ),
        ('<img alt="a" src="b.png">', '<img alt="a" src="https://git.example/of/us/raw/v1.0/b.png">', ""),
        ('<a href="b.md">c</a>', '<a href="https://git.example/of/us/blob/v1.0/b.md">c</a>', "c"),
        ("`[a](b)` x[0](y)", "`[a](b)` x[0](https://git.example/of/us/blob/v1.0/y)", "`[a](b)` x0"),
        ("```\n[a](b)\n```\n", "```\n[a](b)\n```\n", "```\n[a](b)\n```\n"),
    ],
)
def test_links_and_images(markdown: str, known: str, unknown: str) -> None:
    assert for_package_index(markdown, SOMEWHERE) == known
    assert for_package_index(markdown, None) == unknown


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a commit, in no workflow."""
    for name in ("GITHUB_WORKSPACE", "GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    git(tmp_path, "init", "--quiet")
    git(
        tmp_path,
        *("-c", "user.name=a", "-c", "user.email=a@b.example"),
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "a",
    )
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    "origin", ["https://github.com/of/us", "git@github.com:of/us.git", "ssh://git@github.com/of/us/"]
)
def test_a_checkout_belongs_to_its_origin(checkout: Path, origin: str) -> None:
    assert hatch_readme.find_repository(str(checkout)) is None
    git(checkout, "remote", "add", "origin", origin)
    repository = hatch_readme.find_repository(str(checkout))
    assert repository == Repository("https://github.com/of/us", git(checkout, "rev-parse", "HEAD"))
    assert repository.urls()["Source"] == "https://github.com/of/us"


def test_an_origin_elsewhere_and_a_repository_around_are_not_ours(checkout: Path) -> None:
    git(checkout, "remote", "add", "origin", "/srv/github.com/of/us.git")
    assert hatch_readme.find_repository(str(checkout)) is None
    git(checkout, "remote", "set-url", "origin", "https://github.com/of/us")
    (checkout / "diffsort_jax-1.0").mkdir()
    assert hatch_readme.find_repository(str(checkout / "diffsort_jax-1.0")) is None


@pytest.mark.parametrize(("kind", "revision"), [("tag", "v1.0"), ("branch", "abc")])
def test_a_workflow_says_what_it_builds(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, kind: str, revision: str
) -> None:
    said = {"WORKSPACE": str(checkout), "SERVER_URL": "https://git.example", "REPOSITORY": "of/us"}
    said |= {"REF_TYPE": kind, "REF_NAME": "v1.0", "SHA": "abc"}
    for name, value in said.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert hatch_readme.find_repository(str(checkout)) == Repository("https://git.example/of/us", revision)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(checkout / "another"))  # which installs ours on the way
    assert hatch_readme.find_repository(str(checkout)) is None


def test_the_source_distribution_is_made_of_what_exists() -> None:
    sdist = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]
    for path in [*sdist["only-include"], *sdist["exclude"]]:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_names_what_exists(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    for job in jobs.values():
        needed = job.get("needs", [])
        assert set([needed] if isinstance(needed, str) else needed) <= jobs.keys()
        for step in job["steps"]:
            if action := step.get("uses"):
                assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", action), action
            command = step.get("run", "")
            for extras in re.findall(r"\.\[([\w,]+)\]", command):
                assert set(extras.split(",")) <= PROJECT["project"]["optional-dependencies"].keys(), extras
            for file in re.findall(
                r"(?<![\w/*])(?:tests|docs|scripts|diffsort|[\w-]+\.(?:txt|toml|md))\b[\w./]*", command
            ):
                assert "_build" in file or "diffsort.info" in file or (ROOT / file).exists(), file
    assert any("pip install" in step.get("run", "") for job in jobs.values() for step in job["steps"])


def test_workflows_and_wheels_cover_the_pythons_that_are_promised() -> None:
    promised = {c.rpartition(" ")[2] for c in PROJECT["project"]["classifiers"] if "Python :: 3." in c}
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert set(jobs["tests"]["strategy"]["matrix"]["python"]) == promised
    oldest = next(row for row in jobs["library"]["strategy"]["matrix"]["include"] if row["name"] == "oldest")
    lowest = re.findall(
        r"(\w+)>=([\d.]+)",
        " ".join(PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["flax"]),
    )
    assert len(lowest) == 4
    for package, version in lowest:
        assert re.search(rf"\b{package}=={re.escape(version)}(\.0|\.\*)?( |$)", oldest["packages"]), package
    built = PROJECT["tool"]["cibuildwheel"]["build"]
    assert {re.sub(r"^cp3(\d+)-\*$", r"3.\1", name) for name in built} <= promised
