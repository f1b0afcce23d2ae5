import json
import math

import pytest

from experiments.files import UnreadableError, from_json, read_json, read_yaml, to_json, write_text


def test_json_is_strict_and_comes_back():
    content = {"nan": math.nan, "more": [math.inf, -math.inf, 1.5], "text": "NaN of a kind", "none": None}
    text = to_json(content)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"a bare {name}"))
    back = from_json(text)
    assert math.isnan(back.pop("nan"))
    del content["nan"]
    assert back == content


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "target").write_text("of somebody else")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "ours")
    assert (tmp_path / "target").read_text() == "of somebody else"
    assert (tmp_path / "link").read_text() == "ours"
    assert not (tmp_path / "link").is_symlink()


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path):
    (tmp_path / "a folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path / "a folder", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a folder"]


_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_BOMB, "too large"),
        ("[" * 100_001, "too large"),
        ("a: " + "[" * 200 + "]" * 200, "too large"),
        ("a: [", "not valid YAML"),
        ("- a", "does not hold a dict"),
    ],
    ids=["bomb", "endless", "deep", "broken", "list"],
)
def test_yaml_that_is_not_ours_is_refused_at_once(text, reason, tmp_path):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UnreadableError, match=reason):
        read_yaml(tmp_path / "config.yaml", dict)


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "[]", '{"n": ' + "9" * 5000 + "}"])
def test_json_that_is_not_ours_is_refused(text, tmp_path):
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(UnreadableError, match=r"summary\.json"):
        read_json(tmp_path / "summary.json")
