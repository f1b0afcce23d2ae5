"""What contributors are told holds: files, commits, tools."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
COMMITS = re.findall(r"`([0-9a-f]{7})` ([^;\n]*)(?=;|\.$)", PAGE, flags=re.MULTILINE)

# Programs of a distribution with another name.
OF = {
    "check-added-large-files": "pre-commit-hooks",
    "check-merge-conflict": "pre-commit-hooks",
    "check-toml": "pre-commit-hooks",
    "check-yaml": "pre-commit-hooks",
    "end-of-file-fixer": "pre-commit-hooks",
    "trailing-whitespace-fixer": "pre-commit-hooks",
}


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


def test_files_that_it_names_exist():
    named = re.findall(r"`([\w.-]+(?:/[\w.-]*)+|[A-Z]\w+\.md|\w+\.txt)`", PAGE)
    named += re.findall(r"\]\(([\w./-]+)\)", PAGE)
    assert len(named) > 40
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize(("commit", "subject"), COMMITS)
def test_commits_that_it_names_exist(commit, subject):
    if git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("the history is not here")
    assert git("log", "-1", "--format=%s", commit) == subject


def test_it_names_a_commit_for_all_that_one_may_add():
    additions = re.findall(r"^- \*\*An? .*$", PAGE, flags=re.MULTILINE)
    assert len(additions) == 9
    assert all(re.search(r" See `[0-9a-f]{7}` ", addition) for addition in additions)
    assert len(COMMITS) == len(re.findall("`[0-9a-f]{7}`", PAGE))


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_the_tools_of_a_commit_are_pinned_and_come_with_its_extra(hook):
    program = hook["entry"].split()[0]
    distribution = OF.get(program, program)
    assert hook["language"] == "system"
    wanted = [re.match(r"[\w-]+", requirement)[0] for requirement in (*EXTRAS["dev"], *EXTRAS["test"])]
    assert distribution in wanted
    pinned = re.findall(r"^([\w.-]+)==[^;\s]+$", CONSTRAINTS, flags=re.MULTILINE)
    assert distribution in [name.replace("_", "-") for name in pinned]


def test_the_extra_that_it_installs_has_all_that_tests_and_scripts_need():
    assert "-e '.[dev]'" in PAGE
    assert "diffsort-jax[experiments,test]" in EXTRAS["dev"]
