from __future__ import annotations

import sys

import pytest


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps tensorflow from being imported where it is installed."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
