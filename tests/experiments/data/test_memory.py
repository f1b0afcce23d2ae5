from __future__ import annotations

import resource
from pathlib import Path

import pytest

from experiments.data import memory


def test_the_least_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CGROUPS", tmp_path)
    machine = memory.memory_limit()
    assert machine > 2**28

    groups = {"0::/jobs/step": "memory.max", "7:memory:/jobs/step": "memory/memory.limit_in_bytes"}
    for number, (line, file) in enumerate(groups.items(), 2):
        monkeypatch.setattr(
            Path,
            "read_text",
            lambda path, line=line, read=Path.read_text: (
                f"3:cpu:/other\n{line}\n" if str(path) == "/proc/self/cgroup" else read(path)
            ),
        )
        folder, _, name = file.rpartition("/")
        (tmp_path / folder / "jobs" / "step").mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "jobs" / "step" / name).write_text("max\n")
        assert memory.memory_limit() == machine
        (tmp_path / folder / "jobs" / name).write_text(f"{number * 2**20}\n")
        assert memory.memory_limit() == number * 2**20
        (tmp_path / folder / "jobs" / name).unlink()

    limits = {resource.RLIMIT_AS: (-1, -1), resource.RLIMIT_DATA: (2**20, -1)}
    monkeypatch.setattr(resource, "getrlimit", limits.__getitem__)
    assert memory.memory_limit() == 2**20
