"""What the manual implementation runs, and what it keeps for the backward pass."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsort
from diffsort.engines import library
from tests.oracles import ENGINES, assert_same_bits

X = np.random.default_rng(0).integers(-9, 9, (6, 40)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).integers(1, 9, X.shape).astype(np.float32)

needs_native = pytest.mark.skipif(
    library.why_unavailable() is not None, reason=f"the kernel is missing: {library.why_unavailable()}"
)
with_engines = pytest.mark.parametrize("implementation", ENGINES)


def equations(value: Any) -> Iterator[Any]:
    """All equations of a jaxpr and of those inside it."""
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from equations(part)
    jaxpr = getattr(value, "jaxpr", value)
    for equation in getattr(jaxpr, "eqns", ()):
        yield equation
        yield from equations(list(equation.params.values()))


def sorts(function: Callable[..., Any], *arrays: Any) -> list[dict[str, Any]]:
    """How the kernel's sort is called."""
    found = equations(jax.make_jaxpr(function)(*arrays))
    return [e.params for e in found if e.primitive.name == library.SORT]


def native(x: jax.Array, **options: Any) -> jax.Array:
    return diffsort.sort(x, implementation="manual:native", **options)


def loss(x: jax.Array, **options: Any) -> jax.Array:
    ordered = native(x, **options)
    return (ordered**2).sum()


def residuals(function: Callable[..., Any], x: Any) -> list[Any]:
    """Shapes and dtypes of what a vjp keeps."""
    return jax.tree.leaves(jax.eval_shape(lambda x: jax.vjp(function, x)[1], x))


@needs_native
@pytest.mark.parametrize("options", [{}, {"descending": True}, {"axis": 0}, {"where": X > 0}], ids=",".join)
def test_values_alone_use_no_permutation(options: dict[str, Any]) -> None:
    (params,) = sorts(partial(native, **options), X)
    assert params["values"]
    assert params["index_dtype"] is None


@needs_native
def test_neither_do_integers_nor_constants_in_a_gradient() -> None:
    (params,) = sorts(native, X.astype(np.int32))
    assert params["index_dtype"] is None
    (params,) = sorts(jax.grad(lambda w: (w * native(X)).sum()), WEIGHTS)
    assert params["index_dtype"] is None


@needs_native
@pytest.mark.parametrize("options", [{}, {"descending": True}, {"where": X > 0}], ids=",".join)
def test_a_gradient_sorts_once_and_finds_narrow_indices(options: dict[str, Any]) -> None:
    for transformed in (jax.grad, jax.value_and_grad, jax.hessian):
        (params,) = sorts(transformed(partial(loss, **options)), X)
        assert params["values"]
        assert params["index_dtype"] == jnp.uint16
        assert params["ties_reversed"] == options.get("descending", False)


@needs_native
@pytest.mark.parametrize(("n", "dtype"), [(2**16, jnp.uint16), (2**16 + 1, jnp.int32)])
def test_indices_are_as_narrow_as_the_length_allows(n: int, dtype: Any) -> None:
    (params,) = sorts(jax.grad(loss), jax.ShapeDtypeStruct((2, n), jnp.float32))
    assert params["index_dtype"] == dtype


@with_engines
@pytest.mark.parametrize(("n", "dtype"), [(40, jnp.uint16), (2**16, jnp.uint16), (2**16 + 1, jnp.int32)])
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_the_permutation_is_all_that_is_kept(
    wrap: Callable[..., Any], n: int, dtype: Any, implementation: str
) -> None:
    x = jax.ShapeDtypeStruct((3, n), jnp.float32)
    kept = residuals(wrap(partial(diffsort.sort, implementation=implementation)), x)
    assert [(leaf.shape, leaf.dtype) for leaf in kept] == [(x.shape, dtype)]


@with_engines
def test_public_indices_are_int32(implementation: str) -> None:
    _, indices = diffsort.sort_with_indices(X, implementation=implementation)
    assert indices.dtype == jnp.int32
    assert diffsort.argsort(X, implementation=implementation).dtype == jnp.int32


@with_engines
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
def test_integers_have_no_derivative(dtype: Any, implementation: str) -> None:
    x = (X > 0).astype(dtype)
    sort = partial(diffsort.sort, implementation=implementation)
    none = np.zeros(x.shape, jax.dtypes.float0)
    value, tangent = jax.jvp(sort, (x,), (none,))
    np.testing.assert_array_equal(value, np.sort(x))
    assert tangent.dtype == jax.dtypes.float0
    value, pull_back = jax.vjp(sort, x)
    np.testing.assert_array_equal(value, np.sort(x))
    (cotangent,) = pull_back(none)
    assert cotangent.dtype == jax.dtypes.float0
    gradient = jax.grad(lambda x: sort(x.astype(dtype)).astype(jnp.float32).sum())(X)
    np.testing.assert_array_equal(gradient, 0)


@with_engines
@pytest.mark.parametrize("descending", [False, True])
def test_derivatives_of_third_order_are_those_of_the_builtin(descending: bool, implementation: str) -> None:
    def third(x: jax.Array, implementation: str) -> tuple[jax.Array, ...]:
        def cube(x: jax.Array) -> jax.Array:
            ordered = diffsort.sort(x, implementation=implementation, descending=descending)
            return (WEIGHTS * ordered**3).sum()

        first = jax.grad(cube)
        second = jax.grad(lambda x: (WEIGHTS * first(x)).sum())
        forward = jax.jvp(lambda x: jax.jvp(first, (x,), (WEIGHTS,))[1], (x,), (WEIGHTS,))[1]
        return first(x), second(x), jax.grad(lambda x: (WEIGHTS * second(x)).sum())(x), forward

    program = jax.jit(third, static_argnames="implementation")
    actual, expected = program(X, implementation), program(X, "builtin")
    # Small whole numbers, ties among them: exact.
    jax.tree.map(assert_same_bits, actual, expected)
