"""An engine of one's own: found by its name, and differentiated, batched and compiled as ours are."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from tests.members import OPS as MEMBER_OPS
from tests.members import REDUCTIONS, Member, rows, some_mask
from tests.oracles import argsort_by_jnp, assert_same_bits
from tests.test_transformations import CHECKS, OPS

X = jnp.array([3.0, 1.0, 2.5, -4.0])


@pytest.fixture(autouse=True)
def _toy() -> None:
    diffsort.register_engine("toy", argsort=argsort_by_jnp)


MEMBERS = [
    *(pytest.param(member, id=name) for name, member in MEMBER_OPS.items()),
    *(pytest.param(member, id=name, marks=pytest.mark.slow) for name, member in REDUCTIONS.items()),
]


@pytest.mark.parametrize("member", MEMBERS)
def test_everything_that_sorts_takes_it(member: Member) -> None:
    x, where = rows(), some_mask()

    @partial(jax.jit, static_argnames="implementation")
    def derivatives(x: Any, implementation: str) -> Any:
        value, pull_back = jax.vjp(lambda x: member(x, where, implementation), x)
        return member(x, None, implementation), value, pull_back(jnp.ones_like(value))[0]

    for actual, expected in zip(derivatives(x, "manual:toy"), derivatives(x, "manual"), strict=True):
        if member.reduces:  # rounded otherwise, by what else the compiler puts into one loop
            np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
        else:
            assert_same_bits(actual, expected)


@pytest.mark.parametrize("check", CHECKS)
def test_transformations(check: str) -> None:
    function, matrix = OPS["sort_descending"]
    CHECKS[check](partial(function, implementation="manual:toy"), matrix)


def test_it_is_asked_for_permutations_alone() -> None:
    """Also where 64-bit indices are what jax.numpy makes."""
    calls = []

    def spy(x: jax.Array, **options: Any) -> jax.Array:
        calls.append((x.shape, options["axis"], options["descending"], options["where"] is None))
        return argsort_by_jnp(x, **options)

    diffsort.register_engine("toy", argsort=spy)
    with jax.enable_x64(True):
        gradient = jax.jit(jax.vmap(jax.grad(lambda x: diffsort.sort(x, implementation="manual:toy")[1])))
        np.testing.assert_array_equal(gradient(jnp.stack([X, -X])), [[0, 1, 0, 0], [0, 0, 1, 0]])
        assert diffsort.argsort(X, implementation="manual:toy").dtype == jnp.int32
    assert calls == [((2, 4), 1, False, True), ((4,), 0, False, True)]


def test_a_name_that_is_registered_again_names_the_new_one() -> None:
    def backwards(x: jax.Array, **options: Any) -> jax.Array:
        return argsort_by_jnp(-x, **options)

    before = diffsort.sort(X, implementation="manual:toy")
    diffsort.register_engine("toy", argsort=backwards)
    np.testing.assert_array_equal(diffsort.sort(X, implementation="manual:toy"), before[::-1])


def test_it_is_exported() -> None:
    sort = jax.jit(partial(diffsort.sort, implementation="manual:toy"))
    exported = jax.export.export(sort)(jax.ShapeDtypeStruct(X.shape, X.dtype))
    assert_same_bits(jax.export.deserialize(exported.serialize()).call(X), np.sort(X))


def test_it_is_listed_and_suggested() -> None:
    assert "manual:toy" in diffsort.implementation_names()
    with pytest.raises(ValueError, match=r"Did you mean 'manual:toy'\?"):
        diffsort.sort(X, implementation="manual:tyo")


@pytest.mark.parametrize("spoil", [lambda i: i[..., :-1], lambda i: i.astype(jnp.float32)])
def test_indices_of_another_shape_or_kind_are_refused(spoil: Any) -> None:
    diffsort.register_engine("toy", argsort=lambda x, **options: spoil(argsort_by_jnp(x, **options)))
    with pytest.raises(ValueError, match=r"engine 'toy' made \w+\[\d\] of float32\[4\]: an argsort returns"):
        diffsort.sort(X, implementation="manual:toy")


@pytest.mark.parametrize("name", ["native", "xla"])
def test_a_taken_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"'manual:{name}' comes with diffsort; choose another name"):
        diffsort.register_engine(name, argsort=argsort_by_jnp)


def test_mistakes_are_named() -> None:
    takes = r"argsort of 'manual:toy' must take \(x, \*, axis, descending, where\), but it has \(x\)"
    with pytest.raises(TypeError, match=takes):
        diffsort.register_engine("toy", argsort=lambda x: x)
    with pytest.raises(TypeError, match="argsort must be a function, not None"):
        diffsort.register_engine("toy", argsort=None)
    with pytest.raises(ValueError, match="a non-empty string, not 3"):
        diffsort.register_engine(3, argsort=argsort_by_jnp)
