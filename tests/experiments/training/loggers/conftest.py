"""Loggers that write nowhere but into the directory of a test."""

from pathlib import Path

import pytest

LIBRARIES = {"tensorboard": "tensorboardX", "wandb": "wandb", "mlflow": "mlflow"}


@pytest.fixture(params=LIBRARIES)
def choice(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each logger whose library is installed."""
    pytest.importorskip(LIBRARIES[request.param])
    for what in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"WANDB_{what}_DIR", str(tmp_path / what))
    return request.param
