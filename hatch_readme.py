"""The README as a package index shows it: without the repository around it, relative links lead nowhere."""

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
# What is left as it is comes first: where it begins, nothing else does.
_MARKDOWN = re.compile(
    r"""
    (?P<code>^(?P<fence>```+|~~~+).*?^(?P=fence)[^\n]*$ | (?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))
    | !\[(?P<alt>[^\]]*)\]\((?P<image>[^()\s]+)(?P<image_title>[^()]*)\)
    | \[(?P<text>(?:!\[[^\]]*\]\([^()]*\)|`[^`]*`|[^\[\]`])*)\]\((?P<link>[^()\s]+)(?P<link_title>[^()]*)\)
    | (?P<picture><picture>.*?</picture>)
    | (?P<tag><(?:img|source)\b[^>]*>)
    | <a\s(?P<before>[^>]*)href="(?P<anchor>[^"]*)"(?P<after>[^>]*)>(?P<inner>.*?)</a>
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Repository:
    """A repository as GitHub shows it.

    Attributes:
        address: of its first page, without a slash at the end.
        revision: the tag or commit that is built.
    """

    address: str
    revision: str

    def page(self, path: str) -> str:
        """Returns where a file is shown; `path` may be a heading of the README, such as `#license`."""
        return f"{self.address}/blob/{self.revision}/{'README.md' * path.startswith('#')}{path}"

    def raw(self, path: str) -> str:
        """Returns where the bytes of a file are, such as those of an image."""
        return f"{self.address}/raw/{self.revision}/{path}"

    def urls(self) -> dict[str, str]:
        """Returns what `[project.urls]` would say."""
        changes = f"{self.address}/blob/{self.revision}/CHANGELOG.md"
        return {"Source": self.address, "Issues": f"{self.address}/issues", "Changelog": changes}


def find_repository(root: str) -> Repository | None:
    """Returns the repository that a checkout belongs to, or None if that is not known to be one on GitHub.

    The environment says so where a workflow of GitHub builds its own checkout; elsewhere `origin` does.
    """
    if not (Path(root) / ".git").exists():  # what git finds from here would be a repository around it
        return None
    workflow = os.environ
    if (at := workflow.get("GITHUB_WORKSPACE")) and Path(at).resolve() == Path(root).resolve():
        is_tag = workflow.get("GITHUB_REF_TYPE") == "tag"
        revision = workflow["GITHUB_REF_NAME" if is_tag else "GITHUB_SHA"]
        return Repository(f"{workflow['GITHUB_SERVER_URL']}/{workflow['GITHUB_REPOSITORY']}", revision)
    origin = re.fullmatch(
        r"(?:https://|ssh://git@|git@)github\.com[/:]([^/]+/[^/]+?)(?:\.git)?/?",
        _git(root, "remote", "get-url", "origin"),
    )
    revision = _git(root, "rev-parse", "HEAD")
    return Repository(f"https://github.com/{origin[1]}", revision) if origin and revision else None


def for_package_index(text: str, repository: Repository | None) -> str:
    """Returns Markdown whose links and images are absolute.

    Where the repository is not known, a link becomes its text, and an image is left out. Code stays as it is.
    """
    page, raw = (repository.page, repository.raw) if repository else (None, None)

    def rewrite(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        if image := match["image"]:
            address = _absolute(image, raw)
            return f"![{match['alt']}]({address}{match['image_title']})" if address else ""
        if link := match["link"]:
            said = _MARKDOWN.sub(rewrite, match["text"])
            address = _absolute(link, page)
            return f"[{said}]({address}{match['link_title']})" if address else said
        if match["anchor"] is not None:
            said = _MARKDOWN.sub(rewrite, match["inner"])
            address = _absolute(match["anchor"], page)
            return f'<a {match["before"]}href="{address}"{match["after"]}>{said}</a>' if address else said
        return _rewrite_sources(match[0], raw)

    return _MARKDOWN.sub(rewrite, text)


def _rewrite_sources(html: str, raw: Callable[[str], str] | None) -> str:
    """Makes the images of a `<picture>` or `<img>` absolute; returns nothing if one of them cannot be."""
    is_lost = False

    def rewrite(match: re.Match[str]) -> str:
        nonlocal is_lost
        address = _absolute(match[2], raw)
        is_lost |= address is None
        return f'{match[1]}="{address}"'

    written = re.sub(r'\b(src|srcset)="([^"]*)"', rewrite, html)
    return "" if is_lost else written


def _absolute(target: str, place: Callable[[str], str] | None) -> str | None:
    if _ABSOLUTE.match(target):
        return target
    return place(target.removeprefix("./")) if place else None


def _git(root: str, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)
    except OSError:  # no git here
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
