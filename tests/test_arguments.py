"""Every wrong argument is refused when the program is traced, with its value and a way out."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import diffsort

X = jnp.arange(6.0).reshape(2, 3)

# What all ops share, as f(x, **options).
OPS: dict[str, Callable[..., Any]] = {
    "sort": diffsort.sort,
    "sort_with_indices": diffsort.sort_with_indices,
    "argsort": diffsort.argsort,
    "rank": diffsort.rank,
    "sort_key_val": lambda x, **options: diffsort.sort_key_val(x, x, **options),
    "top_k": lambda x, **options: diffsort.top_k(x, 1, **options),
    "l_statistic": lambda x, **options: diffsort.l_statistic(x, jnp.ones(3), **options),
}
FLATTENING = {"sort", "sort_with_indices", "argsort", "rank", "l_statistic"}


def refuses(error: type[Exception], match: str, op: Callable[..., Any], *arrays: Any) -> None:
    """Checks that `op` refuses its arguments at once, and inside jit before anything runs."""
    with pytest.raises(error, match=match):
        op(*arrays)
    with pytest.raises(error, match=match):
        jax.eval_shape(jax.jit(op), *arrays)


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
class TestEveryOp:
    @pytest.mark.parametrize("axis", [2, -3, 7])
    def test_axis_out_of_range(self, op: Callable[..., Any], axis: int) -> None:
        refuses(ValueError, f"axis {axis} is out of range.*rank 2", lambda x: op(x, axis=axis), X)

    @pytest.mark.parametrize("axis", ["0", 1.0, ("0",)], ids=repr)
    def test_axis_no_integer(self, op: Callable[..., Any], axis: Any) -> None:
        refuses(TypeError, "axis must be a Python integer, not", lambda x: op(x, axis=axis), X)

    def test_scalars_have_no_axis(self, op: Callable[..., Any]) -> None:
        refuses(ValueError, "axis -1 is out of range for an array of rank 0", op, jnp.float32(1))

    def test_complex_numbers(self, op: Callable[..., Any]) -> None:
        refuses(TypeError, r"complex64.*no order; sort their \.real", op, X.astype(complex))

    def test_random_keys(self, op: Callable[..., Any]) -> None:
        refuses(
            TypeError, r"must hold real numbers, not key<fry>", op, jax.random.split(jax.random.key(0), 3)
        )

    @pytest.mark.parametrize("dtype", ["float32", "int32"])
    def test_where_no_boolean(self, op: Callable[..., Any], dtype: str) -> None:
        where = jnp.ones((2, 3), dtype)
        match = rf"where must be boolean, not {dtype}; use where=mask\.astype\(bool\)"
        refuses(TypeError, match, lambda x, where: op(x, where=where), X, where)

    @pytest.mark.parametrize("shape", [(2,), (3, 3), (1, 2, 3), (2, 3, 1)])
    def test_where_does_not_broadcast(self, op: Callable[..., Any], shape: tuple[int, ...]) -> None:
        where = jnp.ones(shape, bool)
        hint = {(2,): r"; where\[\.\.\., None\] does", (2, 3, 1): r"; where\[\.\.\., 0\] does"}.get(shape, "")
        match = rf"where has shape \(.*\), which does not broadcast to \(2, 3\){hint}\."
        refuses(ValueError, match, lambda x, where: op(x, where=where), X, where)

    @pytest.mark.parametrize("name", ["numpy", "", None, ["manual"]])
    def test_unknown_implementation(self, op: Callable[..., Any], name: Any) -> None:
        known = "'builtin', 'double_argsort', 'lapsum', 'manual', 'manual:native', 'manual:xla'"
        match = rf"unknown implementation .*Known: .*{known}"
        refuses(ValueError, match, lambda x: op(x, implementation=name), X)

    def test_misspelt_implementation(self, op: Callable[..., Any]) -> None:
        match = r"unknown implementation 'Manual'\. Did you mean 'manual'\?"
        refuses(ValueError, match, lambda x: op(x, implementation="Manual"), X)


@pytest.mark.parametrize("name", sorted(set(OPS) - FLATTENING))
def test_axis_none_is_for_ops_that_can_flatten(name: str) -> None:
    refuses(TypeError, "axis must be a Python integer, not None", lambda x: OPS[name](x, axis=None), X)


@pytest.mark.parametrize("k", [-1, 4])
def test_k_out_of_range(k: int) -> None:
    refuses(
        ValueError, rf"k={k} is not between 0 and 3, the length of axis 1", lambda x: diffsort.top_k(x, k), X
    )


@pytest.mark.parametrize("k", [1.0, "1", None])
def test_k_no_integer(k: Any) -> None:
    refuses(TypeError, "k must be a Python integer", lambda x: diffsort.top_k(x, k), X)


def test_k_traced() -> None:
    with pytest.raises(TypeError, match="k must be a Python integer"):
        jax.jit(diffsort.top_k)(X, 2)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (3, 2), (2, 3, 1), (1, 3)])
def test_values_that_cannot_follow(shape: tuple[int, ...]) -> None:
    values = {"good": X, "bad": jnp.zeros(shape)}
    match = r"a value of shape \(.*\) cannot follow keys of shape \(2, 3\) along axis 1: shapes must be equal"
    refuses(ValueError, match, diffsort.sort_key_val, X, values)


def test_keys_are_named_in_errors() -> None:
    refuses(TypeError, "keys is complex64", diffsort.sort_key_val, X.astype(complex), X)


@pytest.mark.parametrize("shape", [(3,), (2, 2), (1, 2), (2, 3, 1), ()])
def test_indices_that_do_not_fit(shape: tuple[int, ...]) -> None:
    def permute(x: jax.Array, indices: jax.Array) -> jax.Array:
        return diffsort.permute(x, indices, 0)

    indices = jnp.zeros(shape, int)
    match = (
        r"indices of shape \(.*\) do not permute axis 0 of an array of shape \(2, 3\): give them that shape"
    )
    refuses(ValueError, match, permute, X, indices)


@pytest.mark.parametrize("dtype", ["float32", "bool", "complex64"])
def test_indices_no_integers(dtype: str) -> None:
    indices = jnp.zeros((2, 3), dtype)
    refuses(TypeError, f"indices must be integers, not {dtype}", diffsort.permute, X, indices)
    refuses(TypeError, f"indices must be integers, not {dtype}", diffsort.inverse_permutation, indices)


@pytest.mark.parametrize("axis", [2, -3])
def test_axis_of_permutations(axis: int) -> None:
    indices = jnp.zeros((2, 3), int)
    match = f"axis {axis} is out of range for an array of rank 2"
    refuses(ValueError, match, lambda x, i: diffsort.permute(x, i, axis), X, indices)
    refuses(ValueError, match, lambda i: diffsort.inverse_permutation(i, axis), indices)


@pytest.mark.parametrize("shape", [(2,), (0,)])
def test_weights_of_another_length(shape: tuple[int, ...]) -> None:
    match = rf"weights has length {shape[0]}, but axis 1 of x has 3 elements: give one weight for each"
    refuses(ValueError, match, diffsort.l_statistic, X, jnp.ones(shape))


@pytest.mark.parametrize("shape", [(3, 3), (2, 1), (1, 2, 3), ()])
def test_weights_that_do_not_fit(shape: tuple[int, ...]) -> None:
    match = r"weights of shape \(.*\) do not fit x of shape \(2, 3\): give one dimension of length 3"
    refuses(ValueError, match, diffsort.l_statistic, X, jnp.ones(shape))


def test_weights_of_integers() -> None:
    integers = jnp.arange(3)
    weights = jnp.ones(3)
    match = r"weights must be floating, not int32; use weights\.astype"
    refuses(TypeError, match, diffsort.l_statistic, weights, integers)
