"""What a run ran on: device, versions, revision of the code."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import jax

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "tensorflow-datasets", "orbax-checkpoint")


def describe_environment(devices: int = 1) -> dict[str, object]:
    """Returns device, platform, versions and git revision, for a run's summary.

    Args:
        devices: how many are used.
    """
    device = jax.devices()[0]
    return {
        "device": f"{device.platform}: {_processor() if device.platform == 'cpu' else device.device_kind}",
        "device_count": devices,
        "process_count": jax.process_count(),
        "versions": {
            "python": platform.python_version(),
            "diffsort": importlib.metadata.version("diffsort-jax"),
            **{name: importlib.metadata.version(name) for name in _PACKAGES},
        },
        "git_revision": _git_revision(),
    }


def _processor() -> str:
    """The name of the processor; JAX only says "cpu"."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git_revision() -> str | None:
    """The commit of this checkout, marked "-dirty" with uncommitted changes; None outside one."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
