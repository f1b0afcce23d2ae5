"""Explicit sharding: run on each device's own rows.

Under explicit sharding every primitive must know its output's sharding, and several that a sort is made
of (iota, gather, reshape) can't say. Each device sorts its own rows, so a shard_map over the explicit
mesh axes says it for all of them. Automatic sharding needs nothing of this.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import AbstractMesh, AxisType, NamedSharding, PartitionSpec


def on_shards(
    function: Callable[..., Any],
    axis: int,
    leader: jax.Array,
    *others: jax.Array,
    more: int = 0,
    **named: jax.Array | None,
) -> Any:
    """Calls `function(leader, *others, **named)`, under explicit sharding on each device's shard.

    Args:
        function: works along `axis` alone and returns arrays of the shape of `leader`, with `more` axes.
        axis: non-negative; must not be split between devices.
        leader: array whose layout counts.
        *others: arrays of the same rank, which are laid out like `leader`.
        more: how many axes that are whole on every device follow in the results.
        **named: likewise, or None, which is passed on.

    Raises:
        ValueError: `axis` is split between devices.
    """
    layout = jax.typeof(leader).sharding
    split = _explicit_axes(layout.mesh) & set(jax.tree.leaves(tuple(layout.spec)))
    if not split:
        return function(leader, *others, **named)
    names = layout.spec[axis]
    if names is not None:
        raise ValueError(
            f"axis {axis} is split between devices (mesh axis {names!r}), and an axis is sorted as a "
            "whole: gather it first with jax.sharding.reshard(x, spec) where the spec has None there."
        )
    if not getattr(jax.config, "jax_use_shardy_partitioner", True):
        split = _explicit_axes(layout.mesh)  # the one before cannot take a mesh in part, and ends the process
    arrays = jax.tree.map(lambda a: reshard_like(a, leader), ((leader, *others), named))
    return jax.shard_map(
        lambda given, named: function(*given, **named),
        mesh=layout.mesh if jax.sharding.get_abstract_mesh().empty else None,
        in_specs=jax.tree.map(lambda a: jax.typeof(a).sharding.spec, arrays),
        out_specs=PartitionSpec(*layout.spec, *[None] * more),
        axis_names=split,
    )(*arrays)


def reshard_like(array: jax.Array, leader: jax.Array) -> jax.Array:
    """Returns `array` laid out over the devices as `leader` is; axes of length 1 go to every device."""
    layout = jax.typeof(leader).sharding
    if not _explicit_axes(layout.mesh):
        return array
    sizes = zip(array.shape, leader.shape, layout.spec, strict=True)
    spec = PartitionSpec(*(name if a == n else None for a, n, name in sizes))
    return jax.sharding.reshard(array, NamedSharding(layout.mesh, spec))


def unshard(array: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Returns `array` with each of these axes whole on every device, for a reduction over them.

    Of use under explicit sharding, where no compiler gathers what is needed.
    """
    layout = jax.typeof(array).sharding
    explicit = _explicit_axes(layout.mesh)
    split = {d for d in axes if explicit & set(jax.tree.leaves(layout.spec[d]))}
    if not split:
        return array
    spec = PartitionSpec(*(None if d in split else name for d, name in enumerate(layout.spec)))
    return jax.sharding.reshard(array, NamedSharding(layout.mesh, spec))


def _explicit_axes(mesh: AbstractMesh) -> set[str]:
    pairs = zip(mesh.axis_names, mesh.axis_types, strict=True)
    return {name for name, kind in pairs if kind == AxisType.Explicit}


def match_varying(*arrays: jax.Array) -> tuple[jax.Array, ...]:
    """Returns the arrays, inside a shard_map all marked as varying over the axes that any varies over."""
    marks = [_varying_axes(a) for a in arrays]
    union = frozenset[Any]().union(*marks)
    return tuple(
        a if mark == union else jax.lax.pcast(a, tuple(sorted(union - mark)), to="varying")
        for a, mark in zip(arrays, marks, strict=True)
    )


def _varying_axes(array: jax.Array) -> frozenset[Any]:
    kind = jax.typeof(array)
    if hasattr(kind, "manual_axis_type"):  # since jax 0.10
        return kind.manual_axis_type.varying
    return getattr(kind, "vma", frozenset())
