import collections
import gzip
import json

import pytest

from experiments.run_directory import RunDirectory
from tests.experiments.conftest import train


@pytest.mark.parametrize(
    ("sort", "backward"),
    [
        ("manual", "/diffsort.sort/diffsort.backward/"),
        ("manual:xla", "/diffsort.sort/diffsort.backward/"),
        ("builtin", "/diffsort.sort/"),
    ],
)
def test_a_trace_names_the_sort_and_its_backward_pass(configure, tmp_path, sort, backward):
    train(configure(f"sort={sort}", "trainer.steps=1", "trainer.profile=true"), tmp_path)
    trace = json.loads(gzip.decompress((tmp_path / "profile" / "trace.json.gz").read_bytes()))
    microseconds = collections.defaultdict(list)
    for event in trace["traceEvents"]:
        if event.get("args", {}).get("hlo_op"):
            microseconds[event["name"]].append(event["dur"])
    forwards = [name for name in microseconds if "/diffsort.sort/" in name and "transpose(" not in name]
    backwards = [name for name in microseconds if backward in name and "transpose(" in name]
    for names in (forwards, backwards):
        assert names
        assert all(len(microseconds[name]) >= 5 for name in names)
        assert all(sum(microseconds[name]) > 0 for name in names)
    (own,) = (tmp_path / "profile").glob("plugins/profile/*/*.xplane.pb")
    assert backward.encode() in own.read_bytes()
    assert len([event for event in trace["traceEvents"] if event.get("name") == "train"]) == 5


def test_a_run_is_the_same_with_a_profile(configure, tmp_path):
    losses = []
    for profile in (True, False):
        directory = tmp_path / str(profile)
        train(configure(f"trainer.profile={profile}", "trainer.steps=3"), directory)
        losses.append([row.get("loss") for row in RunDirectory(directory).metrics()])
        assert (directory / "profile").exists() == profile
    assert losses[0] == losses[1]
