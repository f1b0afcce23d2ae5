"""What a compiled program holds: sorts counted, and programs that travel to other platforms."""

import contextlib
import re
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import diffsort
from tests.members import OPS as OPS_OF_ROWS
from tests.members import REDUCTIONS, Member, N, rows, some_mask
from tests.oracles import IMPLEMENTATIONS, assert_same_bits, cotangents

X = np.random.default_rng(0).permutation(24).reshape(3, 8).astype(np.float32)
WEIGHTS = cotangents((8,), np.float32)
WHERE = X % 5 != 0


def gradient(op: Callable[..., jax.Array], implementation: str) -> Callable[..., tuple[jax.Array, ...]]:
    """Value, gradient and masked gradient, by all inputs."""

    def loss(x: jax.Array, weights: jax.Array, where: jax.Array | None) -> jax.Array:
        return (op(x, weights, where=where, implementation=implementation) ** 2).sum()

    return lambda x, w, where: (*jax.value_and_grad(loss, (0, 1))(x, w, None), jax.grad(loss)(x, w, where))


def weighted_sort(x: jax.Array, weights: jax.Array, **options: object) -> jax.Array:
    return diffsort.sort(x, **options) * weights[None]


OPS = {"sort": weighted_sort, "l_statistic": diffsort.l_statistic}


def exported(program: Callable[..., object], implementation: str, *arguments: object) -> export.Exported:
    """Exports for every platform there is a lowering for, and hears what is said on the way."""
    is_forced = implementation == "manual:native"
    platforms = ("cpu",) if is_forced else ("cpu", "cuda", "tpu")
    words = pytest.warns(UserWarning, match="no native code") if is_forced else contextlib.nullcontext()
    with words:
        result = export.export(jax.jit(program), platforms=platforms)(*arguments)
    assert result.platforms == platforms
    return result


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_round_trip_and_other_platforms(op: Callable[..., jax.Array], implementation: str) -> None:
    program = gradient(op, implementation)
    arguments = X, WEIGHTS, WHERE
    restored = export.deserialize(exported(program, implementation, *arguments).serialize())
    jax.tree.map(assert_same_bits, restored.call(*arguments), jax.jit(program)(*arguments))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_an_exported_program_is_still_differentiable(implementation: str) -> None:
    sort = partial(diffsort.sort, implementation=implementation)
    is_forced = implementation == "manual:native"
    program = exported(sort, implementation, X)
    with pytest.warns(UserWarning, match="no native") if is_forced else contextlib.nullcontext():
        restored = export.deserialize(program.serialize(vjp_order=1))
    actual, expected = (
        jax.grad(lambda x, f=f: (f(x) * WEIGHTS[None]).sum())(X) for f in (restored.call, jnp.sort)
    )
    assert_same_bits(actual, expected)


@pytest.mark.parametrize("shape", ["rows, 8", "rows, n"])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_shapes_may_stay_open(implementation: str, shape: str) -> None:
    def program(x: jax.Array, where: jax.Array) -> tuple[jax.Array, ...]:
        options = {"where": where, "implementation": implementation}
        weights = jnp.arange(x.shape[1], dtype=x.dtype)
        gradient = jax.grad(lambda x: diffsort.l_statistic(x, weights, **options).sum())(x)
        return diffsort.sort(x, descending=True, **options), diffsort.rank(x, **options), gradient

    dimensions = export.symbolic_shape(shape, constraints=["n >= 2"] if "n" in shape else ())
    arguments = (jax.ShapeDtypeStruct(dimensions, a.dtype) for a in (X, WHERE))
    called = exported(program, implementation, *arguments).call
    jax.tree.map(assert_same_bits, called(X[:2], WHERE[:2]), jax.jit(program)(X[:2], WHERE[:2]))


# A loss whose other sample has a length of its own has it from a table.
EXPORTED = {
    name: member
    for name, member in (OPS_OF_ROWS | REDUCTIONS).items()
    if name not in ("l_statistic", "top_k", "top_k_cross_entropy") and "of" not in name.split()
}


@pytest.mark.parametrize("member", EXPORTED.values(), ids=EXPORTED)
@pytest.mark.parametrize("masked", [pytest.param(False, marks=pytest.mark.slow), True], ids=["all", "masked"])
def test_everything_exports_with_both_sizes_open(member: Member, masked: bool) -> None:
    """`b, n`, without a constraint: nothing depends on what they are."""

    def program(x: jax.Array, where: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, pull_back = jax.vjp(lambda x: member(x, where if masked else None), x)
        return value, pull_back(jnp.ones_like(value))[0]

    b, n = export.symbolic_shape("b, n")
    arguments = (jax.ShapeDtypeStruct((b, n), a.dtype) for a in (rows(), some_mask()))
    called = export.export(jax.jit(program), platforms=("cpu", "cuda", "tpu"))(*arguments).call
    for size in (N, N - 3):
        x, where = rows()[:, :size], some_mask()[:, :size]
        for actual, expected in zip(called(x, where), jax.jit(program)(x, where), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def sorts(function: Callable[..., object], *arguments: object) -> int:
    """How many sorts the compiled program runs."""
    text = jax.jit(function).lower(*arguments).compile().as_text()
    return len(re.findall(r"[\]})] sort\(", text)) + text.count('custom_call_target="diffsort_sort"')


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_derivative_never_sorts_again(implementation: str, masked: bool) -> None:
    where = WHERE if masked else None

    def sort(x: jax.Array) -> jax.Array:
        return diffsort.sort(x, descending=True, where=where, implementation=implementation)

    def loss(x: jax.Array) -> jax.Array:
        return (sort(x) ** 3 * WEIGHTS[None]).sum()

    def statistic(x: jax.Array, weights: jax.Array) -> jax.Array:
        return (diffsort.l_statistic(x, weights, where=where, implementation=implementation) ** 2).sum()

    # The literal formula of the article sorts once more to invert its permutation: so this can count.
    more = int(implementation == "double_argsort")
    assert sorts(sort, X) == 1
    assert sorts(jax.value_and_grad(loss), X) == 1 + more
    assert sorts(jax.value_and_grad(statistic, (0, 1)), X, WEIGHTS) == 1 + more
    assert sorts(lambda x, t: jax.jvp(sort, (x,), (t,)), X, X) == 1
    if not more:
        assert sorts(lambda x, t: jax.jvp(jax.grad(loss), (x,), (t,)), X, X) == 1
