"""The names by which a profile shows what sorts, forward and backward."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort.engines import library

X = np.random.default_rng(0).standard_normal((5, 37)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).standard_normal(X.shape).astype(np.float32)

needs_native = pytest.mark.skipif(
    library.why_unavailable() is not None, reason=f"the kernel is missing: {library.why_unavailable()}"
)


def scopes(opcode: str, function, *arrays) -> list[str]:
    """The scope of every instruction of that kind in the compiled program."""
    program = jax.jit(function).lower(*arrays).compile().as_text()
    return re.findall(rf' {opcode}\(.*op_name="([^"]*)"', program)


@pytest.mark.parametrize(
    ("implementation", "sorts", "moves"),
    [
        ("manual:xla", "sort", "scatter"),
        pytest.param("manual:native", "custom-call", "custom-call", marks=needs_native),
        ("double_argsort", "sort", "sort"),
    ],
)
@pytest.mark.parametrize("op", [diffsort.sort, diffsort.sort_with_indices])
def test_the_two_directions_have_scopes_of_their_own(op, implementation, sorts, moves):
    def loss(x):
        values = jax.tree.leaves(op(jnp.sin(x), implementation=implementation))[0]
        return jnp.sum(values * WEIGHTS)

    forward = [name for name in scopes(sorts, jax.grad(loss), X) if "transpose(" not in name]
    backward = [name for name in scopes(moves, jax.grad(loss), X) if "transpose(" in name]
    assert forward
    assert backward
    assert all("/diffsort." in name and "diffsort.backward" not in name for name in forward)
    assert all(re.search(r"/diffsort\.\w+/diffsort\.backward/", name) for name in backward)


def test_the_builtin_derivative_is_in_the_scope_of_its_sort():
    def loss(x):
        return jnp.sum(diffsort.sort(jnp.sin(x), implementation="builtin") * WEIGHTS)

    (backward,) = set(scopes("scatter", jax.grad(loss), X))
    assert re.search(r"transpose\(.*/diffsort\.sort/", backward)


def test_forward_mode_has_no_backward_pass():
    def tangent(x):
        return jax.jvp(lambda x: diffsort.sort(x, implementation="manual:xla"), (x,), (x,))[1]

    names = scopes("gather", tangent, X)
    assert names
    assert all("/diffsort.sort/" in name and "backward" not in name for name in names)


@pytest.mark.parametrize(
    ("op", "scope", "portable"),
    [
        (diffsort.permute, "diffsort.permute", "gather"),
        (lambda _, indices: diffsort.inverse_permutation(indices), "diffsort.inverse_permutation", "scatter"),
    ],
)
def test_a_permutation_and_its_inverse_have_scopes(op, scope, portable):
    moved = portable if library.why_unavailable() else "custom-call"
    names = scopes(moved, op, X, np.argsort(X).astype(np.int32))
    assert names
    assert all(f"/{scope}/" in name for name in names)
