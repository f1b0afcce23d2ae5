"""Everything under JAX's stricter settings, as somebody who debugs a model turns them on."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort import losses
from tests.losses.cases import DISTANCES
from tests.members import MEMBERS, OPS, Member, N, rows, some_mask
from tests.oracles import FEW_IMPLEMENTATIONS, IMPLEMENTATIONS, SLOW_IMPLEMENTATIONS

with_members = pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)


def derivatives(
    member: Member, x: Any, where: Any, implementation: str = "manual"
) -> tuple[jax.Array, jax.Array]:
    """The value, and the gradient of its sum."""
    value, pull_back = jax.vjp(lambda x: member(x, where, implementation), x)
    return value, pull_back(jnp.ones_like(value))[0]


def hidden_nans() -> tuple[np.ndarray, np.ndarray]:
    x, where = rows(), some_mask()
    return np.where(where, x, np.float32(np.nan)), where


# Of the others the table makes points and weights, with a NaN of its own; that of an empty segment is NaN.
PLAIN = {
    name: member
    for name, member in MEMBERS.items()
    if "weights" not in name and "sliced" not in name and name != "segment_quantile"
}


def of_a_sample(name: str, **options: Any) -> Callable[..., jax.Array]:
    """A loss of the rows and of themselves."""
    loss = partial(getattr(losses, name), **options)
    return lambda x, where, implementation: loss(
        x, x, where=where, target_where=where, implementation=implementation
    )


def of_points(name: str) -> Callable[..., jax.Array]:
    """A loss of the rows as points, and of themselves; a row is masked as its first element is."""

    def call(x: Any, where: Any, implementation: str) -> jax.Array:
        mask = None if where is None else where[:, 0]
        return of_a_sample(name, projections=np.eye(N, dtype=np.float32))(x, mask, implementation)

    return call


SAMPLES = {
    **{name: of_a_sample(name) for name in ("wasserstein_1d", "energy_distance")},
    **{name: of_points(name) for name in ("sliced_wasserstein", "max_sliced_wasserstein")},
}


@pytest.mark.parametrize("member", (PLAIN | SAMPLES).values(), ids=PLAIN | SAMPLES)
@pytest.mark.parametrize("implementation", ["manual", *SLOW_IMPLEMENTATIONS])
def test_what_a_mask_hides_is_no_nan_of_ours(member: Any, implementation: str) -> None:
    some, middle = some_mask(), np.array([[True], [False], [True]])
    for where in (
        (middle,) if getattr(member, "__qualname__", "").startswith("of_points") else (some, some & middle)
    ):
        x, mask = map(
            jnp.asarray, (np.where(where, rows(), np.float32(np.nan)), np.broadcast_to(where, (3, N)))
        )
        for run in (derivatives, jax.jit(derivatives, static_argnums=(0, 3))):
            with jax.debug_nans(True):
                value, gradient = run(member, x, mask, implementation)
            assert np.isfinite(value).all()
            assert np.isfinite(gradient).all()


@with_members
def test_of_clean_numbers_no_nan_is_made_on_the_way(member: Member) -> None:
    """With every operation by itself, each of which JAX then looks at."""
    x, where = jnp.asarray(rows()), jnp.asarray(some_mask())
    with jax.disable_jit(), jax.debug_nans(True):
        value, gradient = derivatives(member, x, where)
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()
    with jax.disable_jit(), jax.debug_nans(True):
        assert np.isfinite(member(x)).all()


@with_members
def test_a_nan_that_is_there_is_still_told(member: Member) -> None:
    x = rows()
    x[1, 3] = np.nan
    x = jnp.asarray(x)
    with jax.debug_nans(True), pytest.raises(FloatingPointError):
        jax.block_until_ready(member(x))


@with_members
def test_without_compilation_the_results_are_the_same(member: Member) -> None:
    x, where = jnp.asarray(rows()), jnp.asarray(some_mask())
    expected = derivatives(member, x, where)
    with jax.disable_jit():
        actual = derivatives(member, x, where)
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-6)


ON_THE_DEVICE = {
    **{name: member for name, member in MEMBERS.items() if name not in {"l_statistic", *DISTANCES}},
    **{name: of_a_sample(name) for name in ("wasserstein_1d", "energy_distance")},
    "l_statistic": lambda x, where, implementation: diffsort.l_statistic(
        x, x, where=where, implementation=implementation
    ),
    "crps_ensemble": lambda x, where, implementation: losses.crps_ensemble(
        x, losses.average_top_k(x, 1), where=where, implementation=implementation
    ),
}


@pytest.mark.parametrize("op", ON_THE_DEVICE.values(), ids=ON_THE_DEVICE)
@pytest.mark.parametrize("implementation", FEW_IMPLEMENTATIONS)
def test_nothing_is_moved_to_a_device_behind_ones_back(op: Callable[..., Any], implementation: str) -> None:
    x, where = jax.device_put((rows(), some_mask()))
    expected = op(x, where, implementation)
    with jax.transfer_guard("disallow"):
        actual = jax.block_until_ready(op(x, where, implementation))
    np.testing.assert_array_equal(actual, expected)


@with_members
def test_the_width_of_numbers_is_kept(member: Member) -> None:
    """Whatever the setting; and narrow ones give the same with it or without."""
    x, where = rows(), some_mask()
    run = jax.jit(derivatives, static_argnums=(0, 3))
    narrow = run(member, jnp.asarray(x), where)
    with jax.enable_x64(True):
        wide = run(member, jnp.asarray(x), where)
        double = run(member, jnp.asarray(x, "float64"), where)
    assert [a.dtype for a in (*narrow, *wide, *double)] == ["float32"] * 4 + ["float64"] * 2
    for a, e, d in zip(narrow, wide, double, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(a, d, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "name", [name for name in MEMBERS if not name.startswith(("cvar smoothed", "segment_quantile"))]
)
def test_checked_for_nan_by_jax_itself(name: str) -> None:
    """But for a loss that is a jax.custom_jvp, and an op under jax.vmap: the check does not know those."""
    member = MEMBERS[name]
    x, where = hidden_nans()
    before = jax.config.jax_error_checking_behavior_nan
    jax.config.update("jax_error_checking_behavior_nan", "raise")
    try:
        value = jax.jit(member)(x, where)
    finally:
        jax.config.update("jax_error_checking_behavior_nan", before)
    assert np.isfinite(value).all()


WEAK = jnp.full((3, N), 3.0)


@with_members
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_weak_types_are_those_of_jax_numpy(member: Member, implementation: str) -> None:
    """A sort keeps them, as jnp.sort does; a statistic does not, as jnp.median."""
    assert WEAK.weak_type
    assert jnp.sort(WEAK).weak_type
    assert not jnp.median(WEAK).weak_type
    is_op = member in OPS.values()
    for n in (0, 1, N) if is_op else (N,):
        x = jnp.full((3, n), 3.0)
        for where in (None, jnp.ones_like(x, bool)):
            (result,) = jax.make_jaxpr(partial(member, implementation=implementation))(x, where).out_avals
            assert result.weak_type == is_op, (n, where)
