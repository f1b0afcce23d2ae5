"""Every layer, in both Flax APIs: one invariant over all of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from flax import nnx

import diffsort.linen
import diffsort.nnx
from tests.layer_cases import CASES, FEATURES, POINTS, Case, batch, linen_variables, weighted
from tests.oracles import assert_same_bits

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
    layer = case.build()
    for mask in (None, where) if case.masks else (None,):
        assert_same_bits(layer(*case.arguments(x, mask)), case.apply(linen_variables(layer), x, mask))


@over(only="sorts")
def test_the_implementation_is_handed_on(case: Case) -> None:
    for call in (
        lambda: case.build(implementation="bultin")(*case.arguments(*batch())),
        lambda: case.apply(case.variables(), *batch(), implementation="bultin"),
    ):
        with pytest.raises(ValueError, match="Did you mean 'builtin'"):
            call()


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

    manual = both("manual")
    for implementation in ("builtin", "double_argsort"):
        for actual, expected in zip(both(implementation), manual, strict=True):
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
def test_what_a_mask_hides_reaches_no_bit(case: Case) -> None:
    x, where = batch()
    variables = case.variables()

    @jax.jit
    def gradients(variables: Any, x: jax.Array) -> Any:
        def loss(variables: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            y = case.apply(variables, x, where)
            return weighted(y), y

        return jax.grad(loss, (0, 1), has_aux=True)(variables, x)

    def everything(hidden: float) -> list[np.ndarray]:
        filled = np.where(where[..., None], x, np.float32(hidden))
        (by_variables, by_x), y = gradients(variables, filled)
        assert not np.asarray(by_x)[~where].any()
        assert not np.asarray(y)[0].any()  # the empty set
        return jax.tree.leaves((by_variables, by_x, y))

    for garbage in (np.nan, np.inf, -np.inf):
        for dirty, clean in zip(everything(garbage), everything(0), strict=True):
            assert_same_bits(dirty, clean)


@over(only="masks")
def test_a_nan_that_a_mask_hides_is_none_of_ours(case: Case) -> None:
    """Compiled, as layers are: by itself, JAX looks at Flax's promotion of what it is given."""
    x, where = batch()
    hidden = jnp.asarray(np.where(where[..., None], x, np.float32(np.nan)))
    variables, mask = case.variables(), jnp.asarray(where)

    @jax.jit
    def gradients(variables: Any, x: jax.Array, mask: jax.Array) -> Any:
        return jax.grad(lambda v, x: weighted(case.apply(v, x, mask)), (0, 1))(variables, x)

    with jax.debug_nans(True):
        found = gradients(variables, hidden, mask)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


@over()
def test_gradients_are_finite_differences(case: Case) -> None:
    with jax.enable_x64(True):
        x, where = batch(np.float64)
        point = case.variables(**({"param_dtype": jnp.float64} if case.learns else {})), x
        random = np.random.default_rng(1)
        along = jax.tree.map(lambda a: random.normal(size=a.shape), point)

        @jax.jit
        @jax.value_and_grad
        def loss(point: Any) -> jax.Array:
            return weighted(case.apply(*point, where))

        before, after = (jax.tree.map(lambda a, d, s=step: a + s * d, point, along) for step in (-1e-6, 1e-6))
        difference = (loss(after)[0] - loss(before)[0]) / 2e-6
        slope = jax.tree.map(lambda g, d: np.sum(np.asarray(g) * d), loss(point)[1], along)
        np.testing.assert_allclose(sum(jax.tree.leaves(slope)), difference, rtol=1e-6, atol=1e-8)


@over(only="learns")
@pytest.mark.parametrize(
    ("dtype", "param_dtype"),
    [
        (None, jnp.float32),
        (None, jnp.bfloat16),
        (jnp.float32, jnp.bfloat16),
        (jnp.bfloat16, jnp.float32),
    ],
)
def test_dtypes_behave_as_in_flax(case: Case, dtype: Any, param_dtype: Any) -> None:
    x, where = batch(jnp.bfloat16)
    keywords = {"dtype": dtype, "param_dtype": param_dtype}
    layer = case.build(**keywords)
    assert all(p.dtype == param_dtype for p in jax.tree.leaves(nnx.state(layer, nnx.Param)))
    # nnx.Linear is the reference for what dtype and param_dtype mean.
    reference = nnx.Linear(x.shape[-1], 2, **keywords, rngs=nnx.Rngs(0))
    with jax.numpy_dtype_promotion("standard"):
        expected = reference(x).dtype
        for call in (
            lambda x: layer(*case.arguments(x, where)),
            lambda x: case.apply(linen_variables(layer), x, where, **keywords),
        ):
            assert jax.eval_shape(call, x).dtype == expected


@over(only="learns")
def test_parameters_learn_another_layer(case: Case) -> None:
    graph, parameters = nnx.split(case.build(), nnx.Param)
    arguments = case.arguments(*batch())
    target = case.build(seed=1)(*arguments)

    optimizer = optax.adam(0.1)

    def loss(parameters: Any) -> jax.Array:
        return jnp.mean((nnx.merge(graph, parameters)(*arguments) - target) ** 2)

    @jax.jit
    def train(parameters: Any, state: Any) -> tuple[Any, Any, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(parameters)
        with jax.numpy_dtype_promotion("standard"):  # for optax
            updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(parameters, updates), state, value

    state, losses = optimizer.init(parameters), []
    for _ in range(100):
        parameters, state, value = train(parameters, state)
        losses.append(float(value))
    assert losses[-1] < 0.5 * losses[0]


@over()
def test_linen_initialises_as_nnx_does(case: Case) -> None:
    variables = case.linen().init(jax.random.key(0), *case.arguments(*batch()))
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, case.variables())


@over()
def test_under_jit_vmap_and_scan(case: Case) -> None:
    arguments = case.arguments(*batch())

    @nnx.jit
    def everything(layer: Any, *arguments: jax.Array) -> list[jax.Array]:
        _, scanned = jax.lax.scan(lambda carry, xs: (carry, layer(*xs)), 0, arguments)
        return [layer(*arguments), jax.vmap(layer)(*arguments), scanned]

    layer = case.build()
    for actual in everything(layer, *arguments):
        np.testing.assert_allclose(actual, layer(*arguments), rtol=1e-5, atol=1e-6)


def test_linen_layers_nest_in_a_model() -> None:
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x: jax.Array, where: jax.Array) -> jax.Array:
            x = diffsort.linen.MaxMin()(diffsort.linen.OrthogonalDense(8)(x))
            return nn.Dense(2)(diffsort.linen.FSPool(pieces=3)(x, where))

    y, variables = jax.jit(Model().init_with_output)(jax.random.key(0), *batch())
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


@pytest.mark.parametrize("masked", [False, True])
def test_top_k_pool_says_what_it_kept(masked: bool) -> None:
    x, where = batch()
    mask = where if masked else None
    layer = CASES["top_k_pool"].build()
    pooled, indices, scores = layer(x, mask, return_indices=True)
    assert_same_bits(pooled, layer(x, mask))
    kept = np.where(indices[..., None] >= 0, np.take_along_axis(x, indices[..., None], 1), 0)
    np.testing.assert_allclose(pooled, kept * np.tanh(scores)[..., None], rtol=1e-5, atol=1e-6)
    twin = CASES["top_k_pool"].linen().apply(linen_variables(layer), x, mask, return_indices=True)
    for actual, expected in zip(twin, (pooled, indices, scores), strict=True):
        assert_same_bits(actual, expected)


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
def test_parameters_carry_metadata(case: Case) -> None:
    """How they are sharded, in the way of each API."""
    layer = case.build()
    for name, value in nnx.to_pure_dict(nnx.state(layer)).items():
        axes = ("rows", None)[: value.ndim]
        marked = case.build(**{f"{name}_metadata": {"note": axes}})
        assert getattr(marked, name).get_metadata()["note"] == axes
        assert_same_bits(getattr(marked, name)[...], value)

        partitioned = case.linen(
            **{f"{name}_init": nn.with_partitioning(nn.initializers.constant(0.5), axes)}
        )
        arguments = case.arguments(*batch())
        variables = partitioned.init(jax.random.key(0), *arguments)
        assert nn.get_partition_spec(variables)["params"][name] == jax.P(*axes)
        plain = nn.meta.unbox(variables)
        assert_same_bits(partitioned.apply(variables, *arguments), partitioned.apply(plain, *arguments))


@pytest.mark.parametrize("points", [2, 21, 500])
@over(only="pools")
def test_a_default_classifier_starts_near_the_loss_of_knowing_nothing(case: Case, points: int) -> None:
    """Scores are of the size of the features, whatever that of the set: else the first steps undo them."""
    classes, losses = 5, []
    x = jax.random.normal(jax.random.key(0), (64, points, 3))
    labels = jax.random.randint(jax.random.key(1), (64,), 0, classes)
    for seed in range(5):
        rngs = nnx.Rngs(seed)
        features = case.build(seed)(nnx.relu(nnx.Linear(3, FEATURES, rngs=rngs)(x))).reshape(64, -1)
        scores = nnx.Linear(features.shape[-1], classes, rngs=rngs)(features)
        losses.append(optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean())
    assert abs(np.mean(losses) - np.log(classes)) < 1


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
