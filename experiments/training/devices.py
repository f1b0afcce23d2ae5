"""The devices that a run trains on: each has the model, and its part of every batch."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from experiments.data import Batch
from experiments.errors import UserError

_EXAMPLES = "examples"  # the only axis of the mesh
_SHARED = "key"  # the only array of a batch without an example a row

Tree = TypeVar("Tree")


@dataclass(frozen=True)
class Devices:
    """Devices of one kind, in a row.

    Attributes:
        mesh: of one axis.
    """

    mesh: Mesh

    @property
    def count(self) -> int:
        """How many there are, in all processes."""
        return int(self.mesh.size)

    @functools.cached_property
    def process(self) -> tuple[int, int]:
        """Which of the processes that have them this is, from 0, and how many there are."""
        owners = sorted({device.process_index for device in self.mesh.devices.flat})
        return owners.index(jax.process_index()), len(owners)

    @property
    def everywhere(self) -> NamedSharding:
        """How an array lies that is whole on each device."""
        return NamedSharding(self.mesh, PartitionSpec())

    def copy(self, tree: Tree) -> Tree:
        """Returns copies of the arrays, whole on each device."""
        if self.process[1] > 1:
            return jax.tree.map(self._copy_in_all, tree)
        return jax.device_put(tree, self.everywhere, may_alias=False)

    def _copy_in_all(self, leaf: jax.Array) -> jax.Array:
        """The same, where each process has the whole of it, and sees its own devices alone."""
        whole = np.array(leaf)
        return jax.make_array_from_callback(whole.shape, self.everywhere, lambda index: whole[index])

    def place(self, batch: Batch, several: bool = False) -> Batch:
        """Returns a batch with its examples divided among the devices.

        Args:
            batch: NumPy's arrays, of this process's examples.
            several: whether it is a batch for each of several steps, which the first axis counts.
        """
        if self.count == 1 and self.mesh.devices.flat[0].platform == "cpu":
            return batch  # where it is already
        shardings = self._shardings(batch, several)
        if self.process[1] > 1:
            return jax.tree.map(jax.make_array_from_process_local_data, shardings, batch)
        return jax.device_put(batch, shardings)

    def _shardings(self, batch: Mapping[str, Any], several: bool) -> dict[str, NamedSharding]:
        steps = (None,) if several else ()
        return {
            name: NamedSharding(self.mesh, PartitionSpec(*steps, *(() if name == _SHARED else (_EXAMPLES,))))
            for name in batch
        }


def first_device() -> Devices:
    """Returns one device, which is enough to evaluate on."""
    return Devices(Mesh(np.array(jax.local_devices()[:1]), (_EXAMPLES,)))


def find_devices(wanted: int | None, batch_size: int) -> Devices:
    """Returns the devices to train on.

    Args:
        wanted: how many of each process; None for all that there are.
        batch_size: examples a batch, in all processes.

    Raises:
        UserError: there are not as many, or they cannot have equal parts of a batch.
    """
    there = jax.local_devices()
    if wanted is not None and not 1 <= wanted <= len(there):
        most = f"1 to {len(there)}" if len(there) > 1 else "1"
        raise UserError(
            f"trainer.devices={wanted}: there are {len(there)} here; write {most}, or null for all"
        )
    rows = [those[:wanted] for those in _of_each_process()]
    if len({len(row) for row in rows}) > 1:
        counts = ", ".join(str(len(row)) for row in rows)
        raise UserError(
            f"trainer.devices={wanted}: processes with {counts} devices; write {min(map(len, rows))}"
        )
    devices = [device for row in rows for device in row]
    if batch_size % len(devices):
        fits = [n for n in range(1, len(there) + 1) if batch_size % (n * len(rows)) == 0]
        fewer = f", or trainer.devices={fits[-1]}" if fits else ""
        raise UserError(
            f"trainer.batch_size={batch_size}: cannot be divided among {len(devices)} devices; write "
            f"trainer.batch_size={batch_size + -batch_size % len(devices)}{fewer}"
        )
    return Devices(Mesh(np.array(devices), (_EXAMPLES,)))


def _of_each_process() -> list[list[jax.Device]]:
    """The devices, by process."""
    return [
        [device for device in jax.devices() if device.process_index == process]
        for process in range(jax.process_count())
    ]
