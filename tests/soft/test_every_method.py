"""What holds for every relaxed sort: its limit, its sums, masks, dtypes, and every transformation of JAX."""

import dataclasses
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import export
from jax.test_util import check_grads

import diffsort
import diffsort.linen
import diffsort.losses
import diffsort.nnx
from diffsort import soft
from tests.oracles import assert_same_bits
from tests.soft.methods import METHODS, OPS, pairs

N = 7
X = np.random.default_rng(0).permutation(np.linspace(-1.5, 1.7, 3 * N) ** 3).reshape(3, N)
WHERE = np.array([[1, 0, 1, 1, 0, 1, 1], [0, 1, 0, 0, 0, 0, 0], [0] * 7], bool)
FLOAT32 = X.astype(np.float32)

with_ott = pytest.mark.skipif(importlib.util.find_spec("ott") is None, reason="ott-jax is not installed")


def _marked(name: str, *rest: str) -> Any:
    return pytest.param(name, *rest, marks=with_ott if name == "ott" else ())


every_method = pytest.mark.parametrize("name", [_marked(name) for name in METHODS])
every_pair = pytest.mark.parametrize(("name", "op"), [_marked(*pair) for pair in pairs()])


def compute(name: str, op: str, x: Any = FLOAT32, where: Any = None, softness: Any = 0.3) -> jax.Array:
    return OPS[op](x, where=where, implementation=METHODS[name].make(softness))


def weigh(out: jax.Array) -> jax.Array:
    """One number of them all, in which none cancels another."""
    weights = jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape)
    return jnp.sum(weights * out)


@every_pair
def test_towards_no_softness_it_becomes_exact(name: str, op: str) -> None:
    if name == "ott":  # which would iterate too long
        found, tolerance = compute(name, op, softness=0.003), 0.2
    else:
        found, tolerance = compute(name, op, softness=1e-5), 1e-3
    np.testing.assert_allclose(found, OPS[op](FLOAT32, implementation="manual"), atol=tolerance)


@every_pair
def test_masks_leave_the_others_alone_and_hide_what_they_hide(name: str, op: str) -> None:
    hidden = np.where(WHERE, FLOAT32, np.float32([np.nan, np.inf, -np.inf, 3, np.nan, 1e30, 2]))
    found = compute(name, op, hidden, WHERE)
    gradient = jax.grad(lambda x: weigh(compute(name, op, x, WHERE)))(hidden)
    assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(gradient[~WHERE], 0)
    for row, x, where in zip(np.asarray(found), FLOAT32, WHERE, strict=True):
        n = where.sum()
        expected = np.zeros_like(row)
        if n:
            alone = OPS[op](x[where], implementation=METHODS[name].make(0.3)) if n >= 3 else np.eye(1)[0]
            if op.startswith("sort"):
                expected[:n] = alone if n >= 3 else x[where]
            elif op == "soft_permutation":
                expected[np.ix_(range(n), where)] = alone
            else:
                expected[where] = alone if op == "top_k_mask" or n >= 3 else 0
        np.testing.assert_allclose(row, expected, atol=1e-3 if name == "ott" else 1e-5)


@every_method
def test_ranks_matrices_and_masks_sum_to_what_they_should(name: str) -> None:
    method = METHODS[name]
    tolerance = {"atol": 1e-3 if name == "ott" else 1e-5}
    for softness in (0.01, 0.3, 10.0):
        ranks = compute(name, "soft_rank", softness=softness)
        np.testing.assert_allclose(ranks.sum(-1), N * (N - 1) / 2, rtol=1e-5)
        mask = compute(name, "top_k_mask", softness=softness)
        np.testing.assert_allclose(mask.sum(-1), 3, **tolerance)
        assert mask.min() >= -1e-6
        assert mask.max() <= 1 + 1e-6
        values = compute(name, "sort", softness=softness)
        if method.is_ordered:
            assert (np.diff(values) >= -1e-5).all()
        if method.has_matrix:
            matrix = compute(name, "soft_permutation", softness=softness)
            assert matrix.min() >= -1e-6
            np.testing.assert_allclose(matrix.sum(-1), 1, **tolerance)
            if method.is_doubly_stochastic:
                np.testing.assert_allclose(matrix.sum(-2), 1, **tolerance)
            if name != "lapsum":  # whose values are found in another way
                np.testing.assert_allclose(values, (matrix @ FLOAT32[..., None])[..., 0], atol=1e-5)
    np.testing.assert_array_equal(diffsort.top_k_mask(FLOAT32, 0, implementation=method.make(0.3)), 0)
    np.testing.assert_allclose(diffsort.top_k_mask(FLOAT32, N, implementation=method.make(0.3)), 1, atol=1e-5)


@every_pair
def test_the_order_of_the_elements_has_no_effect(name: str, op: str) -> None:
    if not METHODS[name].is_equivariant:
        pytest.skip("a network sorts in place")
    order = np.random.default_rng(1).permutation(N)
    found, other = compute(name, op), compute(name, op, FLOAT32[:, order])
    np.testing.assert_allclose(other, found if op.startswith("sort") else found[..., order], atol=1e-6)


@every_pair
def test_it_shifts_and_scales_with_its_elements(name: str, op: str) -> None:
    softness = 0.3
    if name == "permutahedron kl" and op.startswith("sort"):
        pytest.skip("relative entropy has a unit")
    if METHODS[name].has_matrix:
        scaled = softness if METHODS[name].is_scale_free else 8 * softness
    else:  # what is projected is the elements, or ranks onto them
        scaled = softness / 8 if op.startswith("sort") else 8 * softness
    found, other = compute(name, op), compute(name, op, 8 * FLOAT32 + 16, softness=scaled)
    expected = 8 * found + 16 if op.startswith("sort") else found
    np.testing.assert_allclose(other, expected, atol=1e-3 if name == "ott" else 1e-4)


@every_pair
@pytest.mark.parametrize("scale", [1e-20, 1e20])
def test_no_scale_overflows(name: str, op: str, scale: float) -> None:
    x = FLOAT32 * np.float32(scale)
    x[1] = x[1, 0]  # ties
    found, gradient = jax.value_and_grad(lambda x: weigh(compute(name, op, x)))(x)
    assert np.isfinite(found)
    assert np.isfinite(gradient).all()
    if scale > 1 and METHODS[name].has_matrix and not METHODS[name].is_scale_free:
        exact = OPS[op](x[0], implementation="manual")
        np.testing.assert_allclose(compute(name, op, x[0]), exact, rtol=1e-6, atol=1e-6)


@every_pair
def test_derivatives_are_those_of_the_function(name: str, op: str) -> None:
    with jax.enable_x64(True):
        x = jnp.asarray(X[:2])
        soft_op = jax.jit(partial(compute, name, op))
        if name == "ott":
            return  # in test_transport, converged
        check_grads(lambda x, softness: soft_op(x, softness=softness), (x, jnp.array(0.4)), 1)
        check_grads(lambda x: soft_op(x, WHERE[:2]), (x,), 2)


@every_pair
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_computed_in_single(name: str, op: str, dtype: str) -> None:
    x = jnp.asarray(FLOAT32, dtype)
    found = compute(name, op, x)
    assert found.dtype == dtype
    single = compute(name, op, x.astype(jnp.float32))
    np.testing.assert_array_equal(found, single.astype(dtype))


@every_pair
def test_vmap_and_scan_give_what_a_loop_gives(name: str, op: str) -> None:
    def gradient(x: jax.Array, softness: Any = 0.3) -> jax.Array:
        return jax.grad(lambda x: weigh(compute(name, op, x, softness=softness)))(x)

    softness = jnp.array([0.2, 0.3, 0.5])
    expected = np.stack([jax.jit(gradient)(x, s) for x, s in zip(FLOAT32, softness, strict=True)])
    tolerance = {"atol": 1e-3, "rtol": 1e-2} if name == "ott" else {"atol": 2e-5, "rtol": 1e-4}
    np.testing.assert_allclose(jax.vmap(gradient)(FLOAT32, softness), expected, **tolerance)

    def step(total: jax.Array, row: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return total + weigh(compute(name, op, row[0], softness=row[1])), row[0]

    def scanned(x: jax.Array) -> jax.Array:
        return jax.lax.scan(step, jnp.zeros((), x.dtype), (x, softness))[0]

    np.testing.assert_allclose(jax.grad(scanned)(FLOAT32), expected, **tolerance)
    if name != "ott":  # before JAX 0.11 that has no second order in a scan
        twice = jax.jacfwd(jax.grad(scanned))(FLOAT32)
        once = jax.jacfwd(lambda x: gradient(x, softness[0]))(FLOAT32[0])
        np.testing.assert_allclose(twice[0, :, 0], once, atol=1e-4, rtol=1e-3)


@every_method
def test_annealing_compiles_once(name: str) -> None:
    step = jax.jit(lambda x, softness: compute(name, "sort", x, softness=softness))
    for softness in (1.0, 0.5, 0.25):
        step(FLOAT32, softness)
    assert step._cache_size() == 1
    before = diffsort._sorting.sort_values._cache_size()
    for softness in (0.91, 0.83, 0.77):
        compute(name, "sort", softness=softness)
    assert diffsort._sorting.sort_values._cache_size() <= before + 1


def test_no_method_is_taken_for_another() -> None:
    """What is compiled for one is found by comparing structures, and hash values seldom tell them apart."""
    made = [method.make(0.3) for method in METHODS.values()]
    made += [soft.StraightThrough(method) for method in made]
    made += [diffsort.get_implementation(name) for name in ("manual", "builtin")]
    for i, one in enumerate(made):
        for k, other in enumerate(made):
            assert (jax.tree.structure(one) == jax.tree.structure(other)) == (i == k), (one, other)


@every_method
def test_a_schedule_is_taken_at_a_step(name: str) -> None:
    scheduled = METHODS[name].make(0.3)
    (field,) = scheduled._changing
    scheduled = dataclasses.replace(scheduled, **{field: lambda step: 0.5 / (1 + step)})
    with pytest.raises(ValueError, match=rf"{field} of \w+ is a schedule: use .at\(step\)"):
        diffsort.sort(FLOAT32, implementation=scheduled)
    assert getattr(scheduled.at(1), field) == 0.25
    through = soft.StraightThrough(scheduled)
    with pytest.raises(ValueError, match="is a schedule"):
        diffsort.sort(FLOAT32, implementation=through)
    assert getattr(through.at(4).method, field) == 0.1


@every_pair
def test_straight_through_is_exact_with_the_derivative_of_the_method(name: str, op: str) -> None:
    through = soft.StraightThrough(METHODS[name].make(0.3))
    assert_same_bits(OPS[op](FLOAT32, implementation=through), OPS[op](FLOAT32, implementation="manual"))
    found = jax.grad(lambda x: weigh(OPS[op](x, implementation=through)))(FLOAT32)
    expected = jax.grad(lambda x: weigh(compute(name, op, x)))(FLOAT32)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


STATISTICS: dict[str, Callable[..., jax.Array]] = {
    "quantile": lambda x, **options: diffsort.quantile(x, jnp.array([0.2, 0.6]), -1, **options),
    "median": partial(diffsort.median, axis=-1),
    "order_statistic": lambda x, **options: diffsort.order_statistic(x, 1, **options),
    "l_statistic": lambda x, **options: diffsort.l_statistic(x, jnp.linspace(-0.3, 1, N), **options),
    "trimmed_mean": partial(diffsort.trimmed_mean, proportion=0.2),
    "superquantile": partial(diffsort.superquantile, level=0.5),
    "gini_mean_difference": diffsort.gini_mean_difference,
    "cvar": partial(diffsort.losses.cvar, level=0.5),
    "average_top_k": partial(diffsort.losses.average_top_k, k=2),
    "trimmed": partial(diffsort.losses.trimmed, proportion=0.2),
    "spectral_risk": partial(diffsort.losses.spectral_risk, spectrum=diffsort.losses.extremile_spectrum(2.0)),
}


@every_method
@pytest.mark.parametrize("statistic", STATISTICS)
def test_statistics_and_losses_take_it(name: str, statistic: str) -> None:
    hidden = np.where(WHERE, FLOAT32, np.float32(np.nan))[:1]

    def total(x: jax.Array, implementation: Any) -> jax.Array:
        return jnp.sum(STATISTICS[statistic](x, where=WHERE[:1], implementation=implementation))

    method = METHODS[name].make(1.0 if METHODS[name].has_matrix else 2.5)
    found, gradient = jax.value_and_grad(total)(hidden, method)
    assert 0 < abs(found - total(hidden, "manual")) < 3
    np.testing.assert_array_equal(gradient[~WHERE[:1]], 0)
    assert np.isfinite(gradient).all()
    assert np.any(gradient != 0)


@every_method
def test_fspool_takes_it_in_both_apis(name: str) -> None:
    method = METHODS[name].make(0.1 if METHODS[name].has_matrix else 5.0)
    points = jnp.asarray(np.where(WHERE, FLOAT32, np.float32(np.nan)))[..., None] * jnp.array([[[1.0, -2.0]]])
    layer = diffsort.nnx.FSPool(2, implementation=method, rngs=nnx.Rngs(0))
    twin = diffsort.linen.FSPool(implementation=method)
    parameters = {"params": {"knots": layer.knots[...]}}
    pooled = layer(points, WHERE)
    assert_same_bits(twin.apply(parameters, points, WHERE), pooled)
    hard = diffsort.nnx.FSPool(2, rngs=nnx.Rngs(0))(points, WHERE)
    assert np.abs(pooled - hard).max() > 0
    gradients = jax.grad(lambda p, x: jnp.sum(twin.apply(p, x, WHERE)), (0, 1))(parameters, points)
    for gradient in jax.tree.leaves(gradients):
        assert np.isfinite(gradient).all()
        assert np.any(gradient != 0)


@every_method
def test_what_needs_a_permutation_refuses_it(name: str) -> None:
    ops: tuple[Callable[..., Any], ...] = (
        diffsort.argsort,
        diffsort.rank,
        diffsort.sort_with_indices,
        partial(diffsort.top_k, k=1),
        lambda x, **options: diffsort.sort_key_val(x, x, **options),
        lambda x, **options: diffsort.nnx.SortPooling(2, **options)(x),
    )
    for op in ops:
        with pytest.raises(ValueError, match="is a relaxed sort without a permutation"):
            op(FLOAT32, implementation=METHODS[name].make(0.3))


@every_method
@pytest.mark.parametrize("value", [0, -1.0, np.inf, "1"])
def test_bad_settings_are_named(name: str, value: Any) -> None:
    method = METHODS[name].make(0.3)
    (field,) = method._changing
    error = TypeError if isinstance(value, str) else ValueError
    with pytest.raises(error, match=f"{field}.*must be"):
        dataclasses.replace(method, **{field: value})


@pytest.mark.slow
@every_method
def test_it_exports_with_an_open_number_of_rows(name: str) -> None:
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(compute(name, "sort", x) ** 3)))

    def exported(shape: str) -> Any:
        return export.export(gradient)(jax.ShapeDtypeStruct(export.symbolic_shape(shape), jnp.float32))

    found = export.deserialize(exported(f"b, {N}").serialize()).call(FLOAT32)
    np.testing.assert_allclose(found, gradient(FLOAT32), rtol=1e-3, atol=1e-3 if name == "ott" else 1e-5)
    with pytest.raises(ValueError, match="axis 1 has the symbolic length n: a relaxed sort needs to know it"):
        exported("b, n")


def test_exact_implementations_have_exact_ranks_and_no_derivative() -> None:
    where = np.arange(N) != 2
    for implementation in ("manual", "manual:xla", "builtin"):
        for op in OPS:
            if op.startswith("sort"):
                continue
            found = OPS[op](FLOAT32, where=where, implementation=implementation)
            assert found.dtype == np.float32
            assert_same_bits(found, OPS[op](FLOAT32, where=where, implementation="double_argsort"))
            through = partial(OPS[op], implementation=implementation)
            gradient = jax.grad(lambda x, op=through: weigh(op(x)))(FLOAT32)
            np.testing.assert_array_equal(gradient, 0)
    ranks = diffsort.soft_rank(FLOAT32, implementation="manual")
    np.testing.assert_array_equal(ranks, diffsort.rank(FLOAT32))
    matrix = diffsort.soft_permutation(FLOAT32, descending=True, implementation="manual")
    np.testing.assert_array_equal((matrix @ FLOAT32[..., None])[..., 0], -np.sort(-FLOAT32))
    np.testing.assert_array_equal(diffsort.top_k_mask(FLOAT32, 3, implementation="manual"), ranks >= N - 3)


@pytest.mark.parametrize("k", [-1, N + 1])
def test_a_mask_of_more_than_there_are_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match=f"k={k} is not between 0 and {N}"):
        diffsort.top_k_mask(FLOAT32, k)
