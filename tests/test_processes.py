"""What one process compiles and another one runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

STORE = """
import pickle, sys
import jax, jax.numpy as jnp
from jax.experimental import serialize_executable
import diffsort

def loss(x):
    return (diffsort.sort(x) ** 2 * jnp.arange(1000.0)).sum()

compiled = jax.jit(jax.grad(loss)).lower(jnp.zeros(1000)).compile()
with open(sys.argv[1], "wb") as file:
    pickle.dump(serialize_executable.serialize(compiled), file)
"""

LOAD = """
import pickle, sys
import jax.numpy as jnp
from jax.experimental import serialize_executable
import diffsort  # and nothing of it is called

with open(sys.argv[1], "rb") as file:
    compiled = serialize_executable.deserialize_and_load(*pickle.load(file))
x = jnp.arange(1000.0)[::-1]
assert (compiled(x) == 2 * x * jnp.arange(1000.0)[::-1]).all()
"""

CACHE = """
import pathlib, sys
import jax, jax.numpy as jnp
import diffsort

jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
x = jnp.sin(jnp.arange(4096.0)).reshape(64, 64)
if jax.device_count() > 1:
    kind = jax.sharding.AxisType.Explicit
    jax.set_mesh(jax.make_mesh((jax.device_count(),), ("rows",), axis_types=(kind,)))
    x = jax.device_put(x, jax.P("rows"))

def stored():
    return {path.name for path in pathlib.Path(sys.argv[1]).glob("*-cache")}

before = stored()
down = sys.argv[2] == "down"
gradient = jax.jit(jax.grad(lambda x: (diffsort.sort(x, descending=down)[:, 0] ** 2).sum()))(x)
best = x.max(1) if down else x.min(1)
assert (gradient.sum(1) == 2 * best).all()
print(len(stored() - before))
"""


def run(program: str, *arguments: object, devices: int = 1) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_stored_executable_finds_the_kernel(tmp_path: Path) -> None:
    run(STORE, tmp_path / "executable")
    run(LOAD, tmp_path / "executable")


@pytest.mark.parametrize("devices", [1, 8])
def test_the_persistent_cache_serves_a_second_process(tmp_path: Path, devices: int) -> None:
    """Under explicit sharding too; for automatic sharding see the kernel's README."""
    assert int(run(CACHE, tmp_path, "up", devices=devices)) > 0
    assert int(run(CACHE, tmp_path, "up", devices=devices)) == 0
    assert int(run(CACHE, tmp_path, "down", devices=devices)) > 0  # it is another program
