"""What implementations are there, and a new one in a few lines."""

import dataclasses
from functools import partial
from typing import get_args, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import diffsort
from diffsort import implementations, losses
from diffsort.soft import RelaxedSort
from tests.oracles import IMPLEMENTATIONS, assert_same_bits

X = jnp.array([3.0, 1.0, 2.5, -4.0])


def softsort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
    """SoftSort, by S. Prillo and J. Eisenschlos (2020): softmax(−|sort(x) − xᵀ| / τ) x."""
    temperature = 0.1
    if where is None:
        where = jnp.ones_like(x, bool)
    x, where = (jnp.moveaxis(a, axis, -1) for a in (x, where))
    anchors = diffsort.sort(x, descending=descending, where=where)
    valid = diffsort.sort(where, descending=True)
    distances = jnp.abs(anchors[..., :, None] - x[..., None, :])
    weights = jax.nn.softmax(-distances / temperature, where=where[..., None, :])
    relaxed = (weights * x[..., None, :]).sum(-1)
    return jnp.moveaxis(jnp.where(valid, relaxed, 0.0), -1, axis)


@pytest.fixture
def relaxed() -> str:
    diffsort.register_implementation("own_softsort", sort=softsort)
    return "own_softsort"


def test_the_names() -> None:
    assert set(IMPLEMENTATIONS) <= set(diffsort.implementation_names())
    assert list(diffsort.implementation_names()) == sorted(diffsort.implementation_names())


def test_a_type_checker_knows_the_names() -> None:
    """Those that come with diffsort, so that a misspelt one is no type; of others it knows the objects."""
    like, kinds = implementations.ImplementationLike, (implementations.Implementation, RelaxedSort)
    names = {name for kind in get_args(like) if kind not in kinds for name in get_args(kind)}
    through = {f"straight_through:{name}" for name in implementations._RELAXED}
    assert names == implementations._BUILT_IN | through
    for op in (diffsort.sort, diffsort.median, losses.cvar, diffsort.nnx.FSPool.__init__):
        assert get_type_hints(op)["implementation"] == like


def test_a_relaxed_sort_sorts(relaxed: str) -> None:
    assert relaxed in diffsort.implementation_names()
    np.testing.assert_allclose(diffsort.sort(X, implementation=relaxed), np.sort(X), atol=0.05)
    down = diffsort.sort(X, descending=True, implementation=relaxed)
    np.testing.assert_allclose(down, np.sort(X)[::-1], atol=0.05)


def test_a_relaxed_sort_has_a_derivative_of_its_own(relaxed: str) -> None:
    def second(x: jax.Array) -> jax.Array:
        return diffsort.sort(x, implementation=relaxed)[1]

    # Between elements closer than the temperature, which a permutation would not share out.
    gradient = jax.jit(jax.grad(second))(jnp.array([1.0, 1.05, 9.0]))
    assert np.isfinite(gradient).all()
    assert (gradient[:2] > 0.1).all()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("masked", [False, True])
def test_a_relaxed_sort_takes_axes_and_masks(relaxed: str, axis: int, masked: bool) -> None:
    x = jnp.array([[3.0, 1.0, 2.0], [6.0, 4.0, 5.0], [9.0, 7.0, 8.0]])
    where = np.array([[True, True, False], [False, True, True], [True, True, True]]) if masked else None

    def sort(x: jax.Array, implementation: str) -> jax.Array:
        return diffsort.sort(x, axis, where=where, implementation=implementation)

    np.testing.assert_allclose(sort(x, relaxed), sort(x, "manual"), atol=0.01)
    gradient = jax.grad(lambda x: (sort(x, relaxed) ** 2).sum())(x)
    assert np.isfinite(gradient).all()
    if masked:
        np.testing.assert_array_equal(gradient[~where], 0)


@pytest.mark.parametrize("masked", [False, True])
def test_statistics_take_a_relaxed_sort(relaxed: str, masked: bool) -> None:
    weights, where = jnp.array([0.5, 0.3, 0.2, 0.1]), np.array([True, True, False, True]) if masked else None

    def statistic(x: jax.Array, weights: jax.Array, implementation: str) -> jax.Array:
        return diffsort.l_statistic(x, weights, where=where, implementation=implementation)

    expected = statistic(X, weights, "manual")
    np.testing.assert_allclose(statistic(X, weights, relaxed), expected, atol=0.05)
    for gradient in jax.grad(statistic, (0, 1))(X, weights, relaxed):
        assert np.isfinite(gradient).all()
        assert np.any(gradient != 0)


@pytest.mark.parametrize(
    "op",
    [
        diffsort.argsort,
        diffsort.rank,
        diffsort.sort_with_indices,
        lambda x, **options: diffsort.top_k(x, 1, **options),
        lambda x, **options: diffsort.sort_key_val(x, x, **options),
    ],
    ids=["argsort", "rank", "sort_with_indices", "top_k", "sort_key_val"],
)
def test_what_needs_a_permutation_refuses_a_relaxed_sort(relaxed: str, op: object) -> None:
    match = "'own_softsort' is a relaxed sort without a permutation.*use implementation='manual' here"
    with pytest.raises(ValueError, match=match):
        op(X, implementation=relaxed)
    with pytest.raises(ValueError, match=match):
        jax.jit(lambda x: op(x, implementation=relaxed))(X)


def test_an_implementation_may_bring_a_permutation() -> None:
    def argsort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        assert where is None
        return jnp.argsort(x, axis, descending=descending).astype(jnp.int32)

    def sort(x: jax.Array, *, axis: int, descending: bool, where: jax.Array | None) -> jax.Array:
        assert where is None
        values = lax.sort(x, dimension=axis)
        return lax.rev(values, (axis,)) if descending else values

    diffsort.register_implementation("plain", sort=sort, argsort=argsort)
    x = X.reshape(2, 2)
    for name in ("manual", "plain"):
        results = {
            "sort": diffsort.sort(x, 0, descending=True, implementation=name),
            "rank": diffsort.rank(x, implementation=name),
            "top_k": diffsort.top_k(x, 1, implementation=name),
            "sort_key_val": diffsort.sort_key_val(x, x, implementation=name),
        }
        if name == "manual":
            expected = results
    jax.tree.map(assert_same_bits, results, expected)


@pytest.mark.parametrize("name", ["manual", "manual:xla", "builtin", "double_argsort"])
def test_a_taken_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"implementation '{name}' comes with diffsort; choose another name"):
        diffsort.register_implementation(name, sort=softsort)


def test_a_name_that_is_registered_again_names_the_new_one(relaxed: str) -> None:
    """As when a cell of a notebook is run a second time; nothing that was compiled stands for it."""
    ops = (
        diffsort.sort,
        diffsort.median,
        partial(losses.average_top_k, k=1),
        partial(losses.wasserstein_1d, targets=X + 1),
        lambda x, **options: diffsort.nnx.GroupSort(4, **options)(x),
    )
    before = [op(X, implementation=relaxed) for op in ops]
    twice = diffsort.register_implementation(relaxed, sort=lambda x, **options: 2 * softsort(x, **options))
    for op, old in zip(ops, before, strict=True):
        for new in (relaxed, twice):
            np.testing.assert_allclose(op(X, implementation=new), 2 * old, rtol=1e-6)


@pytest.mark.parametrize("part", ["sort", "argsort", "permute"])
def test_parts_are_functions(part: str) -> None:
    with pytest.raises(TypeError, match=f"{part} must be a function, not 3"):
        diffsort.register_implementation("three", **{"sort": softsort, part: 3})


@pytest.mark.parametrize("spoil", [lambda x: x[..., :-1], lambda x: x.astype(jnp.bfloat16)])
def test_a_sort_that_changes_what_it_sorts_is_refused(spoil: object) -> None:
    broken = diffsort.register_implementation("broken", sort=lambda x, **_: spoil(x))
    for op in (diffsort.sort, diffsort.median):
        with pytest.raises(ValueError, match=r"'broken' made \w+\[\d\] of float32\[4\]: a sort returns"):
            op(X, implementation=broken)


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_name_is_a_string(name: object) -> None:
    with pytest.raises(ValueError, match="a non-empty string, not"):
        diffsort.register_implementation(name, sort=softsort)


def test_a_registered_name_is_listed_and_suggested(relaxed: str) -> None:
    with pytest.raises(ValueError, match=rf"Did you mean '{relaxed}'\? Known: .*'{relaxed}'"):
        diffsort.sort(X, implementation="own_soft_sort")


def test_what_is_not_available_says_why_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = dataclasses.replace(
        implementations.get_implementation("manual:xla"), why_unavailable=lambda: "it rains"
    )
    monkeypatch.setitem(implementations._IMPLEMENTATIONS, "manual:xla", missing)
    with pytest.raises(ValueError, match=r"'manual:xla' is not available: it rains. Use 'manual'"):
        diffsort.sort(X, implementation="manual:xla")
    diffsort.sort(X)
