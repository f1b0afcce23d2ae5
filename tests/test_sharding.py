"""Runs the sharding checks where there are eight devices: how many is settled when JAX starts."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
DEVICES = "--xla_force_host_platform_device_count=8"


@pytest.mark.parametrize("marked", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_on_eight_devices(marked: str) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {DEVICES}",
    }
    files = ["tests/sharding_checks.py", "tests/sharding_layer_checks.py", "tests/losses/sharding_checks.py"]
    command = [sys.executable, "-m", "pytest", *files, "-q", "--tb=short", "-m", marked]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"\n{done.stdout[-20_000:]}\n{done.stderr[-2_000:]}"
    assert "skipped" not in done.stdout
