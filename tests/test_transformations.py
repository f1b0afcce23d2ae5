"""One invariant, all transformations: an op is a matrix which its argument decides.

Sorting is `P(x) x` with a permutation matrix P that stays the same around x, so every derivative can be
written down beside the check: the Jacobian is P, and nothing but P and its transpose ever appears. All
numbers are small integers, and every result is exact. What one check needs runs as one program, which is
what most of the time goes into.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import diffsort
from tests.oracles import FEW_IMPLEMENTATIONS, IMPLEMENTATIONS, permutation_matrix

Op = Callable[[jax.Array], jax.Array]
Matrix = Callable[[np.ndarray], np.ndarray]

# The order of the first two is not its own inverse.
XS = np.array([[3, -1, 4, 0, 2], [0, 1, -5, 6, 4], [-2, 5, -3, 1, 0], [1, 2, 3, 4, 5]], np.float32)
X = XS[0]
N = X.size
WHERE = np.array([True, True, False, True, True])
KEYS = np.array([0.5, -2.0, 3.0, 1.0, -1.0], np.float32)
WEIGHTS = np.array([1, -2, 4, 3, -1], np.float32)


def ascending(x: np.ndarray) -> np.ndarray:
    return permutation_matrix(np.argsort(x))


def masked(x: np.ndarray) -> np.ndarray:
    """The permutation of the valid elements; what is masked contributes nothing."""
    return ascending(np.where(WHERE, x, np.inf)) @ np.diag(WHERE.astype(np.float32))


# Each op with its matrix.
OPS: dict[str, tuple[Callable[..., jax.Array], Matrix]] = {
    "sort": (diffsort.sort, ascending),
    "sort_descending": (partial(diffsort.sort, descending=True), lambda x: ascending(x)[::-1]),
    "sort_masked": (partial(diffsort.sort, where=WHERE), masked),
    "sort_with_indices": (lambda x, **options: diffsort.sort_with_indices(x, **options)[0], ascending),
    "sort_values": (
        lambda x, **options: diffsort.sort_key_val(KEYS, {"x": x}, **options)[1]["x"],
        lambda x: ascending(KEYS) + 0 * x,
    ),
    "top_k": (lambda x, **options: diffsort.top_k(x, 3, **options)[0], lambda x: ascending(x)[:-4:-1]),
    "permute_by_rank": (
        lambda x, **options: diffsort.permute(x, diffsort.rank(x, **options)),
        lambda x: permutation_matrix(np.argsort(np.argsort(x))),
    ),
    "l_statistic": (
        lambda x, **options: diffsort.l_statistic(x, WEIGHTS, **options)[None],
        lambda x: (WEIGHTS @ ascending(x))[None],
    ),
}
MEMBERS = {
    f"{name}-{implementation}": (partial(op, implementation=implementation), matrix)
    for name, (op, matrix) in OPS.items()
    for implementation in IMPLEMENTATIONS
}
equal = np.testing.assert_array_equal


def cube(op: Op, weights: np.ndarray) -> Callable[[jax.Array], jax.Array]:
    """A scalar with three derivatives: for y = P x, they are 3 w y², 6 w y and 6 w, through P."""
    return lambda x: (weights * op(x) ** 3).sum()


def gradient_of_cube(matrix: np.ndarray, weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    return matrix.T @ (3 * weights * (matrix @ x) ** 2)


def output_weights(matrix: np.ndarray) -> np.ndarray:
    return np.arange(1, len(matrix) + 1, dtype=np.float32)


def check_eager_and_jit(op: Op, matrix: Matrix) -> None:
    equal(op(X), matrix(X) @ X)
    equal(jax.jit(op)(X), matrix(X) @ X)


def check_jacobians(op: Op, matrix: Matrix) -> None:
    forward, reverse = jax.jit(lambda x: (jax.jacfwd(op)(x), jax.jacrev(op)(x)))(X)
    equal(forward, matrix(X))
    equal(reverse, matrix(X))


def check_jvp_vjp(op: Op, matrix: Matrix) -> None:
    value, tangent = jax.jvp(op, (X,), (WEIGHTS,))
    equal(value, matrix(X) @ X)
    equal(tangent, matrix(X) @ WEIGHTS)
    value, pull_back = jax.vjp(op, X)
    cotangent = output_weights(value)
    equal(value, matrix(X) @ X)
    equal(pull_back(cotangent)[0], matrix(X).T @ cotangent)


def check_linearize_and_linear_transpose(op: Op, matrix: Matrix) -> None:
    value, linear = jax.linearize(op, X)
    equal(linear(WEIGHTS), matrix(X) @ WEIGHTS)
    cotangent = output_weights(value)
    equal(jax.linear_transpose(linear, X)(cotangent)[0], matrix(X).T @ cotangent)


def check_hessian(op: Op, matrix: Matrix) -> None:
    m = matrix(X)
    weights = output_weights(m)
    loss = cube(op, weights)
    expected = m.T @ np.diag(6 * weights * (m @ X)) @ m
    for hessian in jax.jit(lambda x: (jax.hessian(loss)(x), jax.jacrev(jax.jacfwd(loss))(x)))(X):
        equal(hessian, expected)


def check_third_order(op: Op, matrix: Matrix) -> None:
    m = matrix(X)
    weights = output_weights(m)
    first = jax.grad(cube(op, weights))
    second = jax.grad(lambda x: first(x) @ WEIGHTS)
    third = jax.grad(lambda x: second(x) @ WEIGHTS)

    def along(function: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array], jax.Array]:
        return lambda x: jax.jvp(function, (x,), (WEIGHTS,))[1]

    forward = along(along(along(cube(op, weights))))
    reverse_result, forward_result = jax.jit(lambda x: (third(x), forward(x)))(X)
    equal(reverse_result, m.T @ (6 * weights * (m @ WEIGHTS) ** 2))
    equal(forward_result, (6 * weights * (m @ WEIGHTS) ** 3).sum())


def check_vmap(op: Op, matrix: Matrix) -> None:
    expected = np.stack([matrix(x) @ x for x in XS])

    def program(xs: jax.Array) -> tuple[jax.Array, ...]:
        nested = jax.vmap(jax.vmap(op), 1)(xs.reshape(2, 2, N))
        return jax.vmap(op)(xs), jax.vmap(op, 1, 1)(xs.T), nested

    rows, columns, nested = jax.jit(program)(XS)
    equal(rows, expected)
    equal(columns, expected.T)
    equal(nested, expected.reshape(2, 2, -1).swapaxes(0, 1))


def check_vmap_and_grad(op: Op, matrix: Matrix) -> None:
    weights = output_weights(matrix(X))
    expected = np.stack([gradient_of_cube(matrix(x), weights, x) for x in XS])
    loss = cube(op, weights)

    def program(xs: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.vmap(jax.grad(loss))(xs), jax.grad(lambda xs: jax.vmap(loss, 1)(xs).sum())(xs.T)

    vmap_of_grad, grad_of_vmap = jax.jit(program)(XS)
    equal(vmap_of_grad, expected)
    equal(grad_of_vmap, expected.T)


def check_scan(op: Op, matrix: Matrix) -> None:
    weights = output_weights(matrix(X))

    def scanned(xs: jax.Array) -> jax.Array:
        return lax.scan(lambda total, x: (total + cube(op, weights)(x), None), 0.0, xs)[0]

    expected = np.stack([gradient_of_cube(matrix(x), weights, x) for x in XS])
    equal(jax.jit(jax.grad(scanned))(XS), expected)


def check_loops(op: Op, matrix: Matrix) -> None:
    # x ← x + (Mᵀ M) x keeps the order of nothing in particular: two steps, two different matrices.
    def step(x: jax.Array) -> jax.Array:
        return x + jax.vjp(op, x)[1](op(x))[0]

    x, jacobian = X, np.eye(N, dtype=np.float32)
    for _ in range(2):
        m = matrix(x)
        x, jacobian = x + m.T @ m @ x, (np.eye(N, dtype=np.float32) + m.T @ m) @ jacobian

    def while_loop(x: jax.Array) -> jax.Array:
        return lax.while_loop(lambda c: c[0] < 2, lambda c: (c[0] + 1, step(c[1])), (0, x))[1]

    def fori_loop(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 2, lambda _, x: step(x), x)

    @jax.jit
    def program(x: jax.Array, vector: jax.Array) -> tuple[Any, ...]:
        forward = jax.jvp(while_loop, (x,), (vector,))  # has no reverse mode
        value, pull_back = jax.vjp(fori_loop, x)
        return *forward, value, *pull_back(vector)

    while_value, tangent, fori_value, cotangent = program(X, WEIGHTS)
    equal(while_value, x)
    equal(fori_value, x)
    equal(tangent, jacobian @ WEIGHTS)
    equal(cotangent, jacobian.T @ WEIGHTS)


def check_cond(op: Op, matrix: Matrix) -> None:
    weights = output_weights(matrix(X))

    def branching(x: jax.Array) -> jax.Array:
        return lax.cond(x[0] > 0, cube(op, weights), lambda x: x.sum(), x)

    gradient = jax.jit(jax.grad(branching))
    equal(gradient(X), gradient_of_cube(matrix(X), weights, X))
    equal(gradient(-X), np.ones(N))


def check_checkpoint(op: Op, matrix: Matrix) -> None:
    weights = output_weights(matrix(X))
    policies = (
        None,
        jax.checkpoint_policies.everything_saveable,
        jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
    )
    losses = [jax.checkpoint(cube(op, weights), policy=policy) for policy in policies]
    for gradient in jax.jit(lambda x: [jax.grad(loss)(x) for loss in losses])(X):
        equal(gradient, gradient_of_cube(matrix(X), weights, X))


def looped(loss: Callable[[jax.Array], jax.Array]) -> dict[str, Callable[[jax.Array], jax.Array]]:
    """Ways to write loss(x) + loss(2 x), which is 9 times loss(x) if that is a cube."""

    def step(i: Any, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return state[0], state[1] + loss((i + 1) * state[0])

    def scan(x: jax.Array) -> jax.Array:
        return lax.scan(lambda total, f: (total + loss(f * x), None), 0.0, np.float32([1, 2]))[0]

    def while_loop(x: jax.Array) -> jax.Array:
        start = (jnp.float32(0), (x, jnp.float32(0)))
        return lax.while_loop(lambda s: s[0] < 2, lambda s: (s[0] + 1, step(*s)), start)[1][1]

    def fori_loop(x: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 2, lambda i, s: step(jnp.float32(i), s), (x, jnp.float32(0)))[1]

    return {
        "scan": scan,
        "fori_loop": fori_loop,
        "while_loop": while_loop,
        "cond": lambda x: lax.cond(x[1] < 100, lambda x: 9 * loss(x), lambda x: x.sum(), x),
        "checkpoint": lambda x: 9 * jax.checkpoint(loss)(x),
        "vmap": lambda x: jax.vmap(loss)(jnp.stack([x, 2 * x])).sum(),
        "checkpoint in scan": lambda x: lax.scan(
            lambda total, f: (total + jax.checkpoint(loss)(f * x), None), 0.0, np.float32([1, 2])
        )[0],
    }


def check_second_order_inside_control_flow(op: Op, matrix: Matrix) -> None:
    m = matrix(X)
    weights = output_weights(m)
    hessian = 9 * m.T @ np.diag(6 * weights * (m @ X)) @ m
    inside = looped(cube(op, weights))

    @jax.jit
    def program(x: jax.Array, v: jax.Array) -> dict[str, list[jax.Array]]:
        def along(f: Callable[..., Any]) -> Callable[[jax.Array], Any]:
            return lambda x: jax.jvp(f, (x,), (v,))[1]

        found = {
            name: [v @ hessian, along(jax.grad(f))(x)] for name, f in inside.items() if name != "while_loop"
        }
        for name in found:
            found[name] += [
                jax.grad(along(inside[name]))(x),
                jax.grad(lambda x, f=inside[name]: jax.grad(f)(x) @ v)(x),
            ]
        # That loop has no reverse mode.
        return found | {"while_loop": [v @ hessian @ v, along(along(inside["while_loop"]))(x)]}

    for name, (expected, *found) in program(X, WEIGHTS).items():
        for actual in found:
            np.testing.assert_array_equal(actual, expected, name)


def check_no_tracer_leaks(op: Op, matrix: Matrix) -> None:
    weights = output_weights(matrix(X))
    with jax.checking_leaks():
        equal(jax.jit(jax.grad(cube(op, weights)))(X), gradient_of_cube(matrix(X), weights, X))


LONG = "second_order_inside_control_flow"  # which holds more programs than the others
CHECKS = {
    name.removeprefix("check_"): check for name, check in globals().items() if name.startswith("check_")
}


# The upper of the two varies fastest: implementations, which have programs in common.
@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("check", [name for name in CHECKS if name != LONG])
def test_transformation(check: str, name: str) -> None:
    CHECKS[check](*MEMBERS[name])


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize("implementation", FEW_IMPLEMENTATIONS)
def test_second_order_inside_control_flow(implementation: str, name: str) -> None:
    CHECKS[LONG](*MEMBERS[f"{name}-{implementation}"])


@pytest.mark.parametrize("op", ["sort_descending", "l_statistic"])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_derivatives_without_jit(implementation: str, op: str) -> None:
    function, matrix = MEMBERS[f"{op}-{implementation}"]
    m = matrix(X)
    weights = output_weights(m)
    equal(jax.grad(cube(function, weights))(X), gradient_of_cube(m, weights, X))
    equal(jax.hessian(cube(function, weights))(X), m.T @ np.diag(6 * weights * (m @ X)) @ m)
    equal(jax.vmap(jax.jacfwd(function))(XS), [matrix(x) for x in XS])


def test_the_oracle_tells_a_permutation_from_its_inverse() -> None:
    assert (ascending(XS[0]) != ascending(XS[0]).T).any()
    assert (ascending(XS[1]) != ascending(XS[1]).T).any()


@pytest.mark.parametrize("op", [op for op in OPS if op != "l_statistic"])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_integers_have_float0_tangents(op: str, implementation: str) -> None:
    function = partial(OPS[op][0], implementation=implementation)
    x = X.astype(np.int32)
    keys = KEYS.astype(np.int32) if op == "sort_values" else x
    zero = np.zeros(N, jax.dtypes.float0)
    value, tangent = jax.jit(partial(jax.jvp, function))((x,), (zero,))
    assert value.dtype == keys.dtype
    assert tangent.dtype == jax.dtypes.float0
    assert tangent.shape == value.shape
    (cotangent,) = jax.vjp(function, x)[1](np.zeros(value.shape, jax.dtypes.float0))
    assert cotangent.dtype == jax.dtypes.float0
    assert cotangent.shape == x.shape


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_indices_pass_derivatives_by(implementation: str) -> None:
    # Results which are integers, beside those that are not, in every order of transformations.
    def loss(x: jax.Array) -> tuple[jax.Array, Any]:
        values, indices = diffsort.sort_with_indices(x, implementation=implementation)
        ranks = diffsort.rank(x, implementation=implementation)
        return (values**2 * (indices + ranks).astype(jnp.float32)).sum(), indices

    gradient, indices = jax.jit(jax.vmap(jax.grad(loss, has_aux=True)))(XS)
    order = np.argsort(XS)
    equal(indices, order)
    rank = np.argsort(order)
    # Element i stands at place rank[i], where indices hold i and ranks hold rank[rank[i]].
    equal(gradient, 2 * XS * (np.arange(N) + np.take_along_axis(rank, rank, -1)))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_sorting_integer_keys_moves_differentiable_values(implementation: str) -> None:
    keys = np.array([2, 3, 1, 5, 4])

    def loss(keys: jax.Array, values: jax.Array) -> jax.Array:
        return diffsort.sort_key_val(keys, values, implementation=implementation)[1] @ WEIGHTS

    by_keys, by_values = jax.jit(jax.grad(loss, (0, 1), allow_int=True))(keys, X)
    assert by_keys.dtype == jax.dtypes.float0
    equal(by_values, ascending(keys).T @ WEIGHTS)


@pytest.mark.parametrize(("keys_axis", "x_axis"), [(0, 0), (0, 1), (1, 0), (0, None), (None, 1)])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_keys_or_values_may_go_unbatched(
    implementation: str, keys_axis: int | None, x_axis: int | None
) -> None:
    keys, values = XS, XS[::-1] + 1

    def follow(keys: jax.Array, values: jax.Array) -> jax.Array:
        return diffsort.sort_key_val(keys, values, implementation=implementation)[1]

    arguments = (
        array[0] if axis is None else np.moveaxis(array, 0, axis)
        for array, axis in ((keys, keys_axis), (values, x_axis))
    )
    expected = [
        ascending(keys[0 if keys_axis is None else i]) @ values[0 if x_axis is None else i]
        for i in range(len(XS))
    ]
    equal(jax.jit(jax.vmap(follow, (keys_axis, x_axis)))(*arguments), expected)
