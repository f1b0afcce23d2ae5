"""Tokens to experts and back: against loops, one-hot forms, and what JAX would differentiate."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import diffsort
import diffsort.nnx
from diffsort import experts
from tests.oracles import assert_same_bits

GENERATOR = np.random.default_rng(0)
TOKENS = GENERATOR.normal(size=(20, 3))
IDS = {
    "one each": GENERATOR.integers(0, 4, 20),
    "two each": GENERATOR.integers(0, 4, (20, 2)),
    "some nowhere": np.where(GENERATOR.random((20, 2)) < 0.3, [-1, 4], GENERATOR.integers(0, 4, (20, 2))),
    "all nowhere": np.full(20, 9),
    "all to one": np.full((20, 1), 2),
}
every_kind = pytest.mark.parametrize("ids", IDS.values(), ids=IDS)


def loop(tokens: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, list[int], list[int]]:
    """What `dispatch` returns: a walk over experts, and for each over the choices."""
    flat, k = ids.ravel(), ids.size // len(ids)
    order = [[i for i, e in enumerate(flat) if e == expert] for expert in range(4)]
    nowhere = [i for i, e in enumerate(flat) if not 0 <= e < 4]
    rows = [tokens[i // k] for group in order for i in group]
    rows += [np.zeros(tokens.shape[1:], tokens.dtype)] * len(nowhere)
    return np.stack(rows), [len(group) for group in order], [*itertools.chain(*order), *nowhere]


@every_kind
@pytest.mark.parametrize("implementation", ["manual", "manual:xla", "builtin"])
def test_it_is_a_walk_over_experts(ids: np.ndarray, implementation: Any) -> None:
    tokens = TOKENS.astype(np.float32)
    found = diffsort.dispatch(tokens, ids, 4, implementation=implementation)
    for one, expected in zip(found, loop(tokens, ids), strict=True):
        np.testing.assert_array_equal(one, expected)
    assert (found[1].dtype, found[2].dtype) == (jnp.int32, jnp.int32)
    choices = diffsort.combine(found[0], found[2], implementation=implementation)
    sent = ((ids >= 0) & (ids < 4)).reshape(-1, 1)
    np.testing.assert_array_equal(choices, np.where(sent, np.repeat(tokens, ids.size // 20, 0), 0))


@every_kind
def test_combine_weighs_what_experts_made(ids: np.ndarray) -> None:
    weights = GENERATOR.random(ids.shape).astype(np.float32)
    rows, group_sizes, indices = diffsort.dispatch(TOKENS.astype(np.float32), ids, 4)
    behind = np.arange(len(rows)) >= group_sizes.sum()
    made = jnp.where(behind[:, None], jnp.nan, 2 * rows)  # of rows behind all groups nobody need know
    found = diffsort.combine(made, indices, weights, group_sizes=group_sizes)
    share = np.where((ids >= 0) & (ids < 4), weights, 0).reshape(20, -1).sum(1, keepdims=True)
    np.testing.assert_allclose(found, 2 * share * TOKENS, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "ids", [pytest.param(i, id=n, marks=[pytest.mark.slow] * (n != "some nowhere")) for n, i in IDS.items()]
)
def test_derivatives_are_finite_differences_and_those_of_a_gather(ids: np.ndarray) -> None:
    with jax.enable_x64(True):
        tokens, weights = jnp.asarray(TOKENS), jnp.asarray(GENERATOR.random(ids.shape))

        def there_and_back(tokens: jax.Array, weights: jax.Array) -> jax.Array:
            rows, group_sizes, indices = diffsort.dispatch(tokens, ids, 4)
            return diffsort.combine(jnp.sin(rows) * rows, indices, weights, group_sizes=group_sizes)

        def by_gather(tokens: jax.Array, weights: jax.Array) -> jax.Array:
            sent = jnp.asarray((ids >= 0) & (ids < 4)).reshape(20, -1)
            choices = tokens[np.arange(ids.size) // (ids.size // 20)].reshape(*sent.shape, 3)
            made = jnp.where(sent[..., None], jnp.sin(choices) * choices, 0.0)
            return jnp.sum(made * weights.reshape(*sent.shape, 1), 1)

        check_grads(jax.jit(there_and_back), (tokens, weights), 1)
        found, expected = (
            jax.grad(lambda *a, f=f: jnp.sum(jnp.cos(f(*a))), (0, 1))(tokens, weights)
            for f in (there_and_back, by_gather)
        )
        jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-12), found, expected)


def test_the_transpose_fetches_and_adds_nothing_at_random() -> None:
    """JAX's own is a scatter that adds."""
    ids = IDS["two each"]
    program = jax.jit(jax.grad(lambda t: jnp.sum(jnp.sin(diffsort.dispatch(t, ids, 4)[0]))))
    text = program.lower(TOKENS.astype(np.float32)).as_text()
    assert "gather" in text
    assert "scatter" not in text


def test_batches_of_batches() -> None:
    tokens = jnp.stack([TOKENS, 2 * TOKENS]).astype(jnp.float32)
    ids = jnp.stack([IDS["two each"], IDS["some nowhere"]])
    found = jax.jit(jax.vmap(lambda t, i: diffsort.dispatch(t, i, 4)))(tokens, ids)
    for i in range(2):
        jax.tree.map(
            lambda a, e, i=i: assert_same_bits(a[i], e), found, diffsort.dispatch(tokens[i], ids[i], 4)
        )


ONES = IDS["one each"]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: diffsort.dispatch(TOKENS, ONES / 2, 4), TypeError, "expert_ids must be integers"),
        (lambda: diffsort.dispatch(TOKENS, ONES, 0), ValueError, "num_experts=0 must be at least 1"),
        (lambda: diffsort.dispatch(TOKENS, ONES, 2.0), TypeError, "num_experts must be a Python integer"),
        (lambda: diffsort.dispatch(TOKENS, [0, 1], 4), ValueError, r"expert_ids of shape \(2,\) do not fit"),
        (lambda: diffsort.dispatch(TOKENS, ONES, 4, implementation="softsort"), ValueError, "permutation"),
        (lambda: diffsort.combine(TOKENS, jnp.arange(20.0)), TypeError, "indices must be integers"),
        (lambda: diffsort.combine(TOKENS, jnp.arange(19)), ValueError, "indices of shape"),
        (lambda: diffsort.combine(TOKENS, ONES, jnp.ones(3)), ValueError, r"weights of shape \(3,\)"),
        (lambda: experts.route(jnp.ones((2, 3)), 4), ValueError, "num_selected=4 is more than num_experts=3"),
        (lambda: experts.route(jnp.ones((2, 3)), 0), ValueError, "num_selected"),
    ],
)
def test_bad_arguments_are_named(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def one_hot(
    x: jax.Array, router: jax.Array, kernel_in: jax.Array, kernel_out: jax.Array, k: int, where: Any = None
) -> jax.Array:
    """Every expert for every token, and most of it times 0."""
    probabilities = jax.nn.softmax(x @ router, -1)
    greatest = jnp.sort(probabilities, -1)[..., -k:]
    gate = jnp.where(probabilities >= greatest[..., :1], probabilities, 0.0)
    gate = gate / jnp.sum(gate, -1, keepdims=True) if k > 1 else gate
    gate = gate if where is None else jnp.where(where[..., None], gate, 0.0)
    hidden = jax.nn.gelu(jnp.einsum("...f,efh->...eh", x, kernel_in))
    return jnp.einsum("...eh,eho,...e->...o", hidden, kernel_out, gate)


def parameters(num_experts: int = 8) -> tuple[jax.Array, ...]:
    shapes = (4, 30, 5), (5, num_experts), (num_experts, 5, 6), (num_experts, 6, 3)
    return tuple(jax.random.normal(jax.random.key(i), s) for i, s in enumerate(shapes))


@pytest.mark.parametrize(("k", "masked"), [pytest.param(1, False, marks=pytest.mark.slow), (2, True)])
def test_a_mixture_is_its_one_hot_form(k: int, masked: bool) -> None:
    where = jax.random.bernoulli(jax.random.key(9), 0.7, (4, 30)) if masked else None
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):
        arguments = [a.astype(jnp.float64) for a in parameters()]

        def loss(function: Callable[..., jax.Array]) -> Any:
            program = lambda *a: jnp.sum(jnp.sin(function(*a, k, where=where)))  # noqa: E731
            return jax.value_and_grad(program, (0, 1, 2, 3))(*arguments)

        found, expected = loss(experts.mixture_of_experts), loss(one_hot)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-10), found, expected)


def test_grouped_dot_is_ragged_dot() -> None:
    rows = jax.random.normal(jax.random.key(0), (64, 5))
    kernels = jax.random.normal(jax.random.key(1), (4, 5, 3))
    program = jax.jit(
        lambda sizes: [f(rows, kernels, sizes) for f in (experts.grouped_dot, jax.lax.ragged_dot)]
    )
    for sizes in ([3, 0, 40, 7], [0, 0, 0, 0], [64, 0, 0, 0], [16, 16, 16, 16], [0, 0, 1, 63]):
        found, expected = program(jnp.asarray(sizes, jnp.int32))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_an_even_spread_costs_least() -> None:
    logits = jax.random.normal(jax.random.key(0), (1000, 4))
    even = experts.route(logits, 1)
    uneven = experts.route(logits + jnp.array([[2.0, 0, 0, 0]]), 1)
    losses = [experts.load_balancing_loss(r.probabilities, r.expert_ids) for r in (even, uneven)]
    assert 0.99 < losses[0] < 1.01
    assert losses[1] > 1.5
    where = jnp.arange(1000) < 500
    half = experts.load_balancing_loss(uneven.probabilities[:500], uneven.expert_ids[:500])
    masked = experts.load_balancing_loss(uneven.probabilities, uneven.expert_ids, where=where)
    np.testing.assert_allclose(masked, half, rtol=1e-6)
    nobody = experts.load_balancing_loss(uneven.probabilities, uneven.expert_ids, where=where & False)
    assert nobody == 0
