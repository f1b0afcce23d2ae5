"""Automatic sharding of calls that XLA cannot see into: each device keeps its rows."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.experimental.custom_partitioning import custom_partitioning
from jax.extend.core import Primitive
from jax.interpreters import mlir
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding


def divide(
    call: Callable[..., Sequence[jax.Array]],
    operands: Sequence[jax.Array],
    results: Sequence[Any],
    trailing: int,
) -> Sequence[jax.Array]:
    """Runs `call` on each device's part of the operands, split along any axis but one.

    Args:
        call: takes such operands and returns such results.
        operands: all of one shape, but for the length of the axis that stays whole.
        results: arrays or types of the rest of that shape.
        trailing: how many axes come after the one that stays whole.
    """
    ndim = operands[0].ndim
    whole = ndim - 1 - trailing  # no device sorts a part of an axis

    def layout(mesh: Mesh, shapes: Sequence[Any]) -> Sharding:
        """How all arrays are split: as the first operand, except that one axis stays whole."""
        chosen = shapes[0].sharding
        if isinstance(chosen, NamedSharding):
            spec = (*chosen.spec, *[None] * (ndim - len(chosen.spec)))
            return NamedSharding(chosen.mesh, PartitionSpec(*spec[:whole], None, *spec[whole + 1 :]))
        is_whole = chosen.shard_shape(shapes[0].shape)[whole] == shapes[0].shape[whole]
        return chosen if is_whole else NamedSharding(mesh, PartitionSpec())

    def partition(mesh: Mesh, operand_shapes: Sequence[Any], result_shapes: Sequence[Any]) -> tuple[Any, ...]:
        shared = layout(mesh, operand_shapes)
        return mesh, call, [shared] * len(result_shapes), (shared,) * len(operand_shapes)

    def infer(mesh: Mesh, operand_shapes: Sequence[Any], result_shapes: Sequence[Any]) -> list[Any]:
        return [layout(mesh, operand_shapes)] * len(result_shapes)

    names = [f"d{i}" for i in range(ndim)]

    def axes(array: Any) -> str:
        return " ".join([*names[:whole], f"of{array.shape[whole]}", *names[whole + 1 :]])

    rule = ", ".join(map(axes, operands)) + " -> " + ", ".join(map(axes, results))
    lengths = dict.fromkeys(a.shape[whole] for a in (*operands, *results))  # in order, as the rule has them
    divided = custom_partitioning(lambda *parts: call(*parts))  # it takes no functools.partial with keywords
    divided.def_partition(
        partition,
        infer_sharding_from_operands=infer,
        sharding_rule=rule,
        need_replication_factors=tuple(f"of{n}" for n in lengths),
    )
    return divided(*operands)


def is_divided(context: mlir.LoweringRuleContext) -> bool | None:
    """Whether what is lowered will be divided between devices by the compiler.

    Returns:
        None where it may be, in a way that a divided call does not support: a shard_map over some axes of a
        mesh while the compiler looks after others, or devices that are not known yet.
    """
    operand: Any = context.avals_in[0]
    mesh = operand.sharding.mesh
    if not mesh.empty and AxisType.Auto not in mesh.axis_types:
        return False  # `_sharding.on_shards` has divided it already
    around = context.module_context.axis_context
    if isinstance(around, mlir.SPMDAxisContext):
        return False if set(around.manual_axes) == set(around.mesh.axis_names) else None
    if not isinstance(around, mlir.ShardingContext) or around.num_devices == 1:
        return False
    return True if around.device_assignment is not None else None


def require_devices(primitive: Primitive) -> None:
    """Asks JAX to make devices known when `primitive` is lowered, as it does for calls that it divides.

    JAX has no public way to ask for that. Where this one is missing, `is_divided` returns None.
    """
    with contextlib.suppress(ImportError):
        from jax._src.dispatch import prim_requires_devices_during_lowering

        prim_requires_devices_during_lowering.add(primitive)
