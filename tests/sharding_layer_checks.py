"""Layers over eight devices. Collected by test_sharding.py, in a process of its own."""

import re
from typing import Any

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from tests.layer_cases import CASES, Case, batch, weighted

MOVEMENT = re.compile(r"all-gather|all-to-all|collective-permute")
X, WHERE = (np.concatenate([a, a]) for a in batch())  # eight sets


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit], ids=str)
@pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in CASES.items() if not case.shares_tokens]
)
def test_sets_stay_on_their_devices(case: Case, kind: AxisType) -> None:
    def loss(variables: Any, x: jax.Array, where: jax.Array) -> jax.Array:
        # Squared: a gradient that does not depend on the sets would have no place of its own.
        masked = weighted(case.apply(variables, x, where) ** 2)
        return masked + weighted(case.apply(variables, x) ** 2) if case.masks else masked

    gradient = jax.value_and_grad(loss, (0, 1))
    variables = case.variables()
    expected = jax.jit(gradient)(variables, X, WHERE)
    mesh = jax.make_mesh((8,), ("sets",), axis_types=(kind,))
    with jax.set_mesh(mesh):
        x, where = (jax.device_put(a, NamedSharding(mesh, P("sets"))) for a in (X, WHERE))
        compiled = jax.jit(gradient).lower(variables, x, where).compile()
        actual = compiled(variables, x, where)
    assert not MOVEMENT.findall(compiled.as_text())
    assert actual[1][1].sharding.is_equivalent_to(x.sharding, 3)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-5), actual, expected)
