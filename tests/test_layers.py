"""Every layer, in both Flax APIs: one invariant over all of them."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import optax
import pytest
from flax import linen as nn
from flax import nnx

import diffsort.linen
import diffsort.nnx
from tests.layer_cases import CASES, POINTS, Case, batch, linen_variables, weighted
from tests.oracles import assert_same_bits

IMPLEMENTATIONS = ("manual", "builtin", "double_argsort")
ALL = tuple(CASES.values())


def over(*, only: str | None = None) -> pytest.MarkDecorator:
    """Runs a test for each layer, or each that `only` is true of."""
    chosen = {name: case for name, case in CASES.items() if only is None or getattr(case, only)}
    return pytest.mark.parametrize("case", chosen.values(), ids=chosen)


def test_no_layer_is_forgotten() -> None:
    names = set(diffsort.nnx.__all__)
    assert names == set(diffsort.linen.__all__)
    assert names == {type(case.build()).__name__ for case in ALL}
    assert names == {type(case.linen()).__name__ for case in ALL}


@over()
def test_both_apis_give_the_same_numbers(case: Case) -> None:
    x, where = batch()
    for implementation in IMPLEMENTATIONS if case.sorts else [None]:
        keywords = {"implementation": implementation} if implementation else {}
        layer = case.build(**keywords)
        for mask in (None, where) if case.masks else (None,):
            twin = case.apply(linen_variables(layer), x, mask, **keywords)
            assert_same_bits(layer(*case.arguments(x, mask)), twin)


@over(only="sorts")
def test_implementations_agree_bit_for_bit(case: Case) -> None:
    x, where = batch()
    variables = case.variables()

    def both(implementation: str) -> Any:
        def loss(variables: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            y = case.apply(variables, x, where, implementation=implementation)
            return weighted(y), y

        gradients, y = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(variables, x)
        return jax.tree.leaves((gradients, y))

    for implementation in IMPLEMENTATIONS[1:]:
        for actual, expected in zip(both(implementation), both("manual"), strict=True):
            np.testing.assert_array_equal(actual, expected)


@over()
def test_the_order_of_the_points(case: Case) -> None:
    x, where = batch()
    shuffled = np.random.default_rng(3).permutation(POINTS)
    variables = case.variables()
    y = case.apply(variables, x, where)
    expected = y[:, shuffled] if case.keeps_points else y
    actual = case.apply(variables, x[:, shuffled], where[:, shuffled])
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@over(only="masks")
@pytest.mark.parametrize("garbage", [np.nan, -np.inf])
def test_what_a_mask_hides_reaches_no_bit(case: Case, garbage: float) -> None:
    x, where = batch()
    variables = case.variables()

    def everything(hidden: float) -> list[np.ndarray]:
        def loss(variables: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            y = case.apply(variables, x, where)
            return weighted(y), y

        filled = np.where(where[..., None], x, np.float32(hidden))
        (by_variables, by_x), y = jax.jit(jax.grad(loss, (0, 1), has_aux=True))(variables, filled)
        assert not np.asarray(by_x)[~where].any()
        assert not np.asarray(y)[0].any()  # the empty set
        return jax.tree.leaves((by_variables, by_x, y))

    for dirty, clean in zip(everything(garbage), everything(0), strict=True):
        assert_same_bits(dirty, clean)


@over()
def test_gradients_are_finite_differences(case: Case) -> None:
    with jax.enable_x64(True):
        x, where = batch(np.float64)
        keywords = {"param_dtype": jnp.float64} if case.learns else {}
        jax.test_util.check_grads(
            lambda variables, x: case.apply(variables, x, where),
            (case.variables(**keywords), x),
            order=1,
            modes=["fwd", "rev"],
            rtol=1e-4,
        )


@over(only="learns")
@pytest.mark.parametrize("dtype", [None, jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("param_dtype", [jnp.float32, jnp.bfloat16])
def test_dtypes_behave_as_in_flax(case: Case, dtype: Any, param_dtype: Any) -> None:
    x, where = batch(jnp.bfloat16)
    keywords = {"dtype": dtype, "param_dtype": param_dtype}
    layer = case.build(**keywords)
    assert all(p.dtype == param_dtype for p in jax.tree.leaves(nnx.state(layer, nnx.Param)))
    # nnx.Linear is the reference for what dtype and param_dtype mean.
    reference = nnx.Linear(x.shape[-1], 2, **keywords, rngs=nnx.Rngs(0))
    with jax.numpy_dtype_promotion("standard"):
        expected = reference(x).dtype
        assert layer(*case.arguments(x, where)).dtype == expected
        assert case.apply(linen_variables(layer), x, where, **keywords).dtype == expected


@over(only="learns")
def test_parameters_learn_another_layer(case: Case) -> None:
    graph, parameters = nnx.split(case.build(), nnx.Param)
    arguments = case.arguments(*batch())
    target = case.build(seed=1)(*arguments)

    @jax.jit
    @jax.value_and_grad
    def loss(parameters: Any) -> jax.Array:
        return jnp.mean((nnx.merge(graph, parameters)(*arguments) - target) ** 2)

    optimizer = optax.adam(0.1)
    state = optimizer.init(parameters)
    losses = []
    for _ in range(100):
        value, gradient = loss(parameters)
        with jax.numpy_dtype_promotion("standard"):  # for optax
            updates, state = optimizer.update(gradient, state)
        parameters = optax.apply_updates(parameters, updates)
        losses.append(float(value))
    assert losses[-1] < 0.5 * losses[0]


@over()
def test_linen_initialises_as_nnx_does(case: Case) -> None:
    variables = case.linen().init(jax.random.key(0), *case.arguments(*batch()))
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, case.variables())


@over()
def test_under_jit_vmap_and_scan(case: Case) -> None:
    layer = case.build()
    arguments = tuple(a for a in case.arguments(*batch()))
    expected = layer(*arguments)
    near = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(nnx.jit(lambda layer, *a: layer(*a))(layer, *arguments), expected, **near)
    np.testing.assert_allclose(jax.vmap(layer)(*arguments), expected, **near)
    _, scanned = jax.lax.scan(lambda carry, xs: (carry, layer(*xs)), 0, arguments)
    np.testing.assert_allclose(scanned, expected, **near)


def test_linen_layers_nest_in_a_model() -> None:
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array, where: jax.Array) -> jax.Array:
            x = diffsort.linen.MaxMin()(diffsort.linen.OrthogonalDense(8)(x))
            return nn.Dense(2)(diffsort.linen.FSPool(pieces=3)(x, where))

    y, variables = Model().init_with_output(jax.random.key(0), *batch())
    assert y.shape == (4, 2)
    assert variables["params"]["FSPool_0"]["knots"].shape == (8, 4)
    assert variables["params"]["OrthogonalDense_0"]["kernel"].shape == (6, 8)


@pytest.mark.parametrize("masked", [False, True])
def test_a_set_goes_through_fspool_and_fsunpool(masked: bool) -> None:
    """Encoder and decoder; that of one API reads the indices of the other's."""
    x, where = batch()
    mask = where if masked else None
    pool, unpool = CASES["fspool"].build(), CASES["fsunpool"].build(seed=1)
    pooled, indices = pool(x, mask, return_indices=True)
    assert_same_bits(pooled, pool(x, mask))
    twin = CASES["fspool"].linen()
    for actual, expected in zip(
        twin.apply(linen_variables(pool), x, mask, return_indices=True), (pooled, indices), strict=True
    ):
        assert_same_bits(actual, expected)
    decoded = unpool(pooled, indices, mask)
    assert decoded.shape == x.shape
    twin = CASES["fsunpool"].linen()
    assert_same_bits(twin.apply(linen_variables(unpool), pooled, indices, mask), decoded)


def test_an_orthogonal_layer_without_a_bias() -> None:
    x = batch()[0]
    layer = diffsort.nnx.OrthogonalDense(x.shape[-1], 9, use_bias=False, rngs=nnx.Rngs(0))
    assert layer.bias is None
    assert set(nnx.to_pure_dict(nnx.state(layer))) == {"kernel"}
    twin = diffsort.linen.OrthogonalDense(9, use_bias=False)
    assert_same_bits(twin.apply(linen_variables(layer), x), layer(x))
    assert set(twin.init(jax.random.key(0), x)["params"]) == {"kernel"}
    np.testing.assert_allclose(np.linalg.norm(layer(x), axis=-1), np.linalg.norm(x, axis=-1), rtol=1e-5)


@over(only="learns")
def test_initializers_are_asked(case: Case) -> None:
    """Each parameter has an initializer of its own, which is given the shape and the dtype."""
    layer = case.build()
    shapes = {name: value.shape for name, value in nnx.to_pure_dict(nnx.state(layer)).items()}
    for i, (name, shape) in enumerate(shapes.items()):
        constant = {f"{name}_init": jax.nn.initializers.constant(i + 2)}
        expected = np.full(shape, i + 2, jnp.bfloat16)
        keywords = {**constant, "param_dtype": jnp.bfloat16}
        assert_same_bits(getattr(case.build(**keywords), name)[...], expected)
        variables = case.linen(**keywords).init(jax.random.key(0), *case.arguments(*batch(jnp.bfloat16)))
        assert_same_bits(variables["params"][name], expected)
