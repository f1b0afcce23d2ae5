"""Second derivatives of everything inside a loop: those of the same outside of it."""

import jax
import numpy as np
import pytest
from jax import lax

from tests.members import REDUCTIONS, Member, rows, some_mask


@pytest.mark.parametrize("member", REDUCTIONS.values(), ids=REDUCTIONS)
@pytest.mark.parametrize("masked", [pytest.param(False, marks=pytest.mark.slow), True], ids=["all", "masked"])
def test_inside_a_scan_they_are_those_outside(member: Member, masked: bool) -> None:
    x, where = rows(), some_mask() if masked else None

    def loss(x: jax.Array, implementation: str) -> jax.Array:
        return (member(x, where, implementation) ** 2).sum()

    def scanned(x: jax.Array, implementation: str) -> jax.Array:
        return lax.scan(lambda total, x: (total + loss(x, implementation), None), 0.0, x[None])[0]

    def slopes(f: object, implementation: str) -> tuple[jax.Array, ...]:
        gradient = jax.grad(lambda x: f(x, implementation))
        return jax.grad(lambda x: (gradient(x) * x).sum())(x), jax.jvp(gradient, (x,), (x,))[1]

    @jax.jit
    def program() -> dict[str, tuple[jax.Array, ...]]:
        return {"manual": slopes(scanned, "manual"), "outside": slopes(loss, "builtin")}

    results = jax.device_get(program())
    expected = results.pop("outside")
    scale = max(np.abs(e).max() for e in expected)
    for name, actual in results.items():
        for a, e in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-5 * scale, err_msg=name)
