"""Losses of rows on eight devices; test_sharding.py runs this file.

With a batch split between devices, each computes the losses of its own rows, and their gradients.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import diffsort
from diffsort import losses
from tests.losses.cases import CASES, DISTANCES
from tests.members import REDUCTIONS
from tests.test_masses import WEIGHTED

# One of each kind; the others differ in their weights.
NAMES = (
    "cvar",
    "cvar smoothed",
    "trimmed",
    "wasserstein_1d",
    "wasserstein_1d 2 of weights",
    "max_sliced_wasserstein 1.5 of weights",
    "energy_distance of weights",
    "crps_ensemble",
    "quantile_loss",
    "ndcg_loss",
)
COMMUNICATION = ("all-gather", "all-reduce", "all-to-all", "collective-permute")

Derivatives = tuple[jax.Array, tuple[jax.Array, ...]]


def mesh(kind: AxisType) -> Mesh:
    return jax.make_mesh((8,), ("batch",), axis_types=(kind,))


@pytest.mark.parametrize(
    "name", [name for name in REDUCTIONS if name not in DISTANCES or name == "crps_ensemble"]
)
def test_a_reduction_over_an_axis_that_is_split_gathers_it(name: str) -> None:
    """As jnp.mean does: losses of a batch whose examples lie on different devices.

    Of the losses between samples one alone, since a table makes their other sample whole.
    """
    x = np.random.default_rng(0).standard_normal((3, 16)).astype(np.float32)
    where = np.broadcast_to(np.arange(16) % 4 != 1, x.shape)
    reduce = REDUCTIONS[name]
    if name == "l_statistic":
        weights = np.arange(16, dtype=np.float32)
        reduce = lambda x, where: diffsort.l_statistic(x, weights, where=where)  # noqa: E731
    expected = reduce(x, where)
    explicit = mesh(AxisType.Explicit)
    with jax.set_mesh(explicit):
        split = [jax.device_put(a, NamedSharding(explicit, P(None, "batch"))) for a in (x, where)]
        for actual in (reduce(*split), jax.jit(reduce)(*split)):
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
        gradient = jax.jit(jax.grad(lambda x, w: reduce(x, w).sum()))(*split)
        assert jax.typeof(gradient).sharding.spec == P(None, "batch")
    np.testing.assert_allclose(gradient, jax.grad(lambda x: reduce(x, where).sum())(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("masked", [pytest.param(False, marks=pytest.mark.slow), True], ids=["all", "masked"])
@pytest.mark.parametrize("name", NAMES)
def test_a_split_batch(name: str, masked: bool) -> None:
    case = CASES[name]
    random = np.random.default_rng(0)
    x = tuple(random.standard_normal((16, n)).astype(np.float32) for n in case.lengths[-1])
    where = tuple((np.arange(a.shape[1]) % 4 != 1) | (a.shape[1] == 1) for a in x)
    masks = where if masked else (None,) * len(x)

    def derivatives(x: tuple[jax.Array, ...]) -> Derivatives:
        value, pull_back = jax.vjp(lambda x: case.loss(x, masks, -1, "manual"), x)
        return value, pull_back(jnp.ones_like(value))[0]

    automatic, explicit = mesh(AxisType.Auto), mesh(AxisType.Explicit)
    split = jax.device_put(x, NamedSharding(automatic, P("batch")))
    compiled = jax.jit(derivatives).lower(split).compile()
    assert not any(word in compiled.as_text() for word in COMMUNICATION)
    value, gradients = compiled(split)
    kept = [(a[:, w] if masked else a).astype(np.float64) for a, w in zip(x, where, strict=True)]
    with jax.enable_x64(True):
        expected = [case.oracle(*row) for row in zip(*kept, strict=True)]
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-6)

    with jax.set_mesh(explicit):
        others = [jax.jit(derivatives)(jax.device_put(x, NamedSharding(explicit, P("batch"))))]
    if not masked:
        shards = jax.shard_map(derivatives, mesh=automatic, in_specs=P("batch"), out_specs=P("batch"))
        others.append(jax.jit(shards)(x))
    for other in others:
        for a, e in zip(jax.tree.leaves(other), [value, *gradients], strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(e), rtol=1e-5, atol=1e-6)


RELAXED = {
    "ndcg_loss": partial(losses.ndcg_loss, k=3),
    "top_k_cross_entropy": losses.top_k_cross_entropy,
}


@pytest.mark.parametrize("spec", [P("batch"), pytest.param(P(None, "batch"), marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["ndcg_loss", pytest.param("top_k_cross_entropy", marks=pytest.mark.slow)])
def test_relaxed_with_targets_on_the_host(name: str, spec: P) -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((16, 24)).astype(np.float32)
    targets = random.integers(0, 4, x.shape if name == "ndcg_loss" else 16)
    where = random.random(x.shape) < 0.8

    @jax.jit
    def derivatives(x: jax.Array, where: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, pull_back = jax.vjp(lambda x: RELAXED[name](x, targets, where=where), x)
        return value, pull_back(jnp.ones_like(value))[0]

    expected, explicit = derivatives(x, where), mesh(AxisType.Explicit)
    with jax.set_mesh(explicit):
        actual = derivatives(*jax.device_put((x, where), NamedSharding(explicit, spec)))
    assert jax.typeof(actual[1]).sharding.spec == P(*spec, *[None] * (2 - len(spec)))
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["quantile hazen", "quantile inverted_cdf", "superquantile", "crps_ensemble"]
)
@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_a_split_batch_with_its_weights(name: str, kind: AxisType) -> None:
    x, weights = np.random.default_rng(0).standard_normal((2, 16, 9)).astype(np.float32)

    @jax.jit
    def both(x: jax.Array, weights: jax.Array) -> tuple[jax.Array, ...]:
        value, pull_back = jax.vjp(lambda x, w: WEIGHTED[name](x, weights=w, axis=-1), x, weights)
        return value, *pull_back(jnp.ones_like(value))

    weights = np.abs(weights)
    expected = both(x, weights)
    devices = mesh(kind)
    with jax.set_mesh(devices):
        split = [jax.device_put(a, NamedSharding(devices, P("batch"))) for a in (x, weights)]
        program = both.lower(*split).compile()
        for actual, whole in zip(program(*split), expected, strict=True):
            np.testing.assert_allclose(actual, whole, rtol=1e-5, atol=1e-6)
    assert not any(name in program.as_text() for name in COMMUNICATION)
