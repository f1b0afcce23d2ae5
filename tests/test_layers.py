"""Every layer, in both Flax APIs: one invariant over all of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax import nnx

import diffsort.linen
import diffsort.nnx

FEATURES = 3
LAYERS = {
    "fspool": (
        lambda **keywords: diffsort.nnx.FSPool(FEATURES, pieces=4, rngs=nnx.Rngs(0), **keywords),
        lambda **keywords: diffsort.linen.FSPool(pieces=4, **keywords),
    ),
    "sort_pooling": (
        lambda **keywords: diffsort.nnx.SortPooling(5, **keywords),
        lambda **keywords: diffsort.linen.SortPooling(5, **keywords),
    ),
}
PARAMETRISED = ["fspool"]


def batch(dtype=np.float32):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4, 8, FEATURES)).astype(dtype)
    where = generator.random((4, 8)) < 0.7
    where[0] = False
    return x, where


def linen_variables(layer):
    """The parameters of an NNX layer, as its Linen twin takes them."""
    parameters = nnx.to_pure_dict(nnx.state(layer, nnx.Param))
    return {"params": parameters} if parameters else {}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("implementation", ["manual", "builtin", "double_argsort"])
def test_both_apis_give_the_same_numbers(name, implementation):
    make_nnx, make_linen = LAYERS[name]
    layer, twin = make_nnx(implementation=implementation), make_linen(implementation=implementation)
    x, where = batch()
    for mask in (None, where):
        np.testing.assert_array_equal(layer(x, mask), twin.apply(linen_variables(layer), x, mask))


@pytest.mark.parametrize("name", LAYERS)
def test_implementations_agree_bit_for_bit(name):
    x, where = batch()
    outputs = [LAYERS[name][0](implementation=i)(x, where) for i in ("manual", "builtin", "double_argsort")]
    for other in outputs[1:]:
        np.testing.assert_array_equal(outputs[0], other)


@pytest.mark.parametrize("name", PARAMETRISED)
@pytest.mark.parametrize("dtype", [None, jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("param_dtype", [jnp.float32, jnp.bfloat16])
def test_dtypes_behave_as_in_flax(name, dtype, param_dtype):
    x, where = batch(jnp.bfloat16)
    layer = LAYERS[name][0](dtype=dtype, param_dtype=param_dtype)
    twin = LAYERS[name][1](dtype=dtype, param_dtype=param_dtype)
    assert all(p.dtype == param_dtype for p in jax.tree.leaves(nnx.state(layer, nnx.Param)))
    # nnx.Linear is the reference for what dtype and param_dtype mean.
    reference = nnx.Linear(FEATURES, FEATURES, dtype=dtype, param_dtype=param_dtype, rngs=nnx.Rngs(0))
    with jax.numpy_dtype_promotion("standard"):
        assert layer(x, where).dtype == reference(x).dtype
        assert twin.apply(linen_variables(layer), x, where).dtype == reference(x).dtype


@pytest.mark.parametrize("name", PARAMETRISED)
def test_parameters_learn(name):
    layer = LAYERS[name][0]()
    graph, parameters = nnx.split(layer, nnx.Param)
    x, where = batch()
    target = jnp.ones_like(layer(x, where))[1:]

    def loss(parameters):
        return jnp.mean((nnx.merge(graph, parameters)(x, where)[1:] - target) ** 2)

    before = loss(parameters)
    for _ in range(40):
        gradient = jax.grad(loss)(parameters)
        parameters = jax.tree.map(lambda p, g: p - 0.05 * g, parameters, gradient)
    assert loss(parameters) < 0.2 * before


@pytest.mark.parametrize("name", PARAMETRISED)
def test_linen_initialises_as_nnx_does(name):
    variables = LAYERS[name][1]().init(jax.random.key(0), batch()[0])
    shapes = jax.tree.map(jnp.shape, variables["params"])
    assert shapes == jax.tree.map(jnp.shape, linen_variables(LAYERS[name][0]())["params"])


@pytest.mark.parametrize("name", LAYERS)
def test_under_jit_vmap_and_scan(name):
    layer = LAYERS[name][0]()
    x, where = batch()
    expected = layer(x, where)
    np.testing.assert_allclose(nnx.jit(lambda layer, x: layer(x, where))(layer, x), expected, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(layer)(x, where), expected, rtol=1e-6)
    _, scanned = jax.lax.scan(lambda carry, xs: (carry, layer(*xs)), 0, (x, where))
    np.testing.assert_allclose(scanned, expected, rtol=1e-6)


def test_linen_layers_nest_in_a_model():
    class Model(nn.Module):
        @nn.compact
        def __call__(self, x, where):
            return nn.Dense(2)(diffsort.linen.FSPool(pieces=3)(nn.Dense(7)(x), where))

    x, where = batch()
    y, variables = Model().init_with_output(jax.random.key(0), x, where)
    assert y.shape == (4, 2)
    assert variables["params"]["FSPool_0"]["knots"].shape == (7, 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: diffsort.nnx.FSPool(0, rngs=nnx.Rngs(0)), "num_features=0"),
        (lambda: diffsort.nnx.FSPool(3, pieces=0, rngs=nnx.Rngs(0)), "pieces=0"),
        (lambda: diffsort.nnx.SortPooling(0), "k=0"),
        (lambda: diffsort.nnx.SortPooling(2, sort_channels=0), "sort_channels=0"),
        (lambda: diffsort.linen.FSPool(pieces=0).init(jax.random.key(0), batch()[0]), "pieces=0"),
        (lambda: diffsort.linen.SortPooling(0).apply({}, batch()[0]), "k=0"),
        (lambda: diffsort.nnx.FSPool(2, rngs=nnx.Rngs(0))(batch()[0]), r"expected \(3, pieces"),
        (lambda: diffsort.nnx.SortPooling(2, implementation="bultin")(batch()[0]), "Did you mean 'builtin'"),
    ],
)
def test_bad_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
