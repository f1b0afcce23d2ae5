"""Mistakes in the arguments of layers, and what is said of them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

import diffsort.linen
import diffsort.nnx
from tests.layer_cases import CASES, Case, batch

X = batch()[0]
INDICES = jnp.zeros(X.shape, int)
RNGS = nnx.Rngs(0)


def linen_init(layer: object, *arguments: object) -> object:
    return layer.init(jax.random.key(0), *(arguments or (X,)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: diffsort.nnx.FSPool(0, rngs=RNGS), "num_features=0"),
        (lambda: diffsort.nnx.FSPool(3, pieces=0, rngs=RNGS), "pieces=0"),
        (lambda: linen_init(diffsort.linen.FSPool(pieces=0)), "pieces=0"),
        (lambda: diffsort.nnx.FSUnpool(0, rngs=RNGS), "num_features=0"),
        (lambda: diffsort.nnx.FSUnpool(3, pieces=0, rngs=RNGS), "pieces=0"),
        (lambda: linen_init(diffsort.linen.FSUnpool(pieces=0), X[:, 0], INDICES), "pieces=0"),
        (lambda: diffsort.nnx.FSUnpool(6, rngs=RNGS)(X[0, 0], INDICES), r"\(4, 8, 6\) do not fit x"),
        (lambda: diffsort.nnx.FSPool(6, reduction="avg", rngs=RNGS), "reduction='avg' is neither 'sum' nor"),
        (lambda: linen_init(diffsort.linen.FSPool(reduction="avg")), "reduction='avg' is neither 'sum' nor"),
        (lambda: diffsort.nnx.SortPooling(0), "k=0"),
        (lambda: diffsort.nnx.SortPooling(2, sort_channels=0), "sort_channels=0"),
        (lambda: linen_init(diffsort.linen.SortPooling(0)), "k=0"),
        (lambda: diffsort.nnx.GroupSort(0), "group_size=0"),
        (lambda: diffsort.nnx.GroupSort(4)(X), "group_size=4 does not divide 6"),
        (lambda: linen_init(diffsort.linen.GroupSort(0)), "group_size=0"),
        (lambda: diffsort.nnx.MaxMin()(X[..., :3]), "group_size=2 does not divide 3"),
        (lambda: diffsort.nnx.OrthogonalDense(3, 0, rngs=RNGS), "out_features=0"),
        (lambda: diffsort.nnx.OrthogonalDense(0, 3, rngs=RNGS), "in_features=0"),
        (lambda: linen_init(diffsort.linen.OrthogonalDense(0)), "features=0"),
        (lambda: diffsort.nnx.QuantilePool(()), "levels is empty"),
        (lambda: diffsort.nnx.QuantilePool((0.5, 1.5)), r"levels has 1.5, which is not in \[0, 1\]"),
        (lambda: linen_init(diffsort.linen.QuantilePool((-0.5,))), "levels has -0.5"),
        (lambda: diffsort.nnx.TrimmedMeanPool(0.5), r"proportion=0.5 is not in \[0, 0.5\)"),
        (lambda: linen_init(diffsort.linen.TrimmedMeanPool(-0.1)), "proportion=-0.1"),
        (lambda: diffsort.nnx.TopKPool(6, 0, rngs=RNGS), "k=0"),
        (lambda: diffsort.nnx.TopKPool(0, 6, rngs=RNGS), "num_features=0"),
        (lambda: linen_init(diffsort.linen.TopKPool(0)), "k=0"),
        (lambda: diffsort.nnx.PSWE(0, 2, 3, rngs=RNGS), "num_features=0"),
        (lambda: diffsort.nnx.PSWE(6, 0, 3, rngs=RNGS), "num_projections=0"),
        (lambda: diffsort.nnx.PSWE(6, 2, 0, rngs=RNGS), "num_points=0"),
        (lambda: linen_init(diffsort.linen.PSWE(2, 0)), "num_points=0"),
    ],
)
def test_wrong_values_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: diffsort.nnx.FSPool(2.5, rngs=RNGS), "num_features must be a Python integer, not 2.5"),
        (lambda: diffsort.nnx.SortPooling("3"), "k must be a Python integer, not '3'"),
        (lambda: diffsort.nnx.SortPooling(3)(X, jnp.ones(8)), "where must be boolean"),
        (lambda: diffsort.nnx.GroupSort(None), "group_size must be a Python integer"),
        (lambda: diffsort.nnx.QuantilePool(0.5), "levels must be a sequence of Python numbers, not 0.5"),
        (lambda: diffsort.linen.QuantilePool("ab"), "levels must be a sequence of Python numbers, not 'ab'"),
        (lambda: diffsort.nnx.OrthogonalDense(6, 6, use_bias="no", rngs=RNGS), "use_bias must be True or"),
        (lambda: linen_init(diffsort.linen.OrthogonalDense(6, use_bias=2)), "use_bias must be True or False"),
        (lambda: diffsort.nnx.FSPool(6, rngs=RNGS)(X, return_indices="1"), "return_indices must be True or"),
        (lambda: diffsort.nnx.TopKPool(6, 2, rngs=RNGS)(X, return_indices=None), "return_indices must be"),
        (lambda: diffsort.nnx.TrimmedMeanPool(None), "proportion must be a Python number"),
        (lambda: diffsort.nnx.TopKPool(6, 2.0, rngs=RNGS), "k must be a Python integer, not 2.0"),
    ],
)
def test_wrong_types_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


over_learning_layers = pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.learns], ids=[n for n, c in CASES.items() if c.learns]
)


@over_learning_layers
def test_what_parameters_are_made_of(case: Case) -> None:
    """In NNX: the streams and, of each parameter, initializer and metadata; in Linen the initializer."""
    for rngs, message in [
        (jax.random.key(0), r"rngs must be nnx.Rngs, not a key: pass rngs=nnx.Rngs\(key\)"),
        (jax.random.PRNGKey(0), "not a key"),
        (7, r"rngs must be nnx.Rngs, not 7: pass rngs=nnx.Rngs\(0\)"),
        (None, "rngs must be nnx.Rngs, not None"),
    ]:
        with pytest.raises(TypeError, match=message):
            case.nnx(rngs=rngs)
    for name in nnx.to_pure_dict(nnx.state(case.build())):
        with pytest.raises(TypeError, match=f"{name}_init must be an initializer, such as .*, not 0.1"):
            case.build(**{f"{name}_init": 0.1})
        with pytest.raises(TypeError, match=f"{name}_metadata must be a mapping .*, not 'rows'"):
            case.build(**{f"{name}_metadata": "rows"})
        with pytest.raises(TypeError, match=f"{name}_init must be an initializer, such as .*, not 0.1"):
            linen_init(case.linen(**{f"{name}_init": 0.1}), *case.arguments(*batch()))


@over_learning_layers
def test_features_that_a_layer_was_not_made_for(case: Case) -> None:
    x, where = batch()
    wrong = jnp.concatenate([x, x[..., :3]], -1)
    name = type(case.build()).__name__
    message = f"x has 9 features in its last axis, but this {name} was made for 6"
    with pytest.raises(ValueError, match=message):
        case.build()(*case.arguments(wrong, where))
    with pytest.raises(ValueError, match=message):
        case.apply(case.variables(), wrong, where)
    scalar = (jnp.float32(1), *case.arguments(x, where)[1:])
    for call in (
        lambda: case.build()(*scalar),
        lambda: case.linen().apply(case.variables(), *scalar),
        lambda: linen_init(case.linen(), *scalar),
    ):
        with pytest.raises(ValueError, match="x is a scalar; expected features in its last axis"):
            call()


@pytest.mark.parametrize("levels", [[0, 0.5], (0, 0.5), range(2), jnp.array([0, 0.5])], ids=str)
def test_levels_may_be_any_sequence(levels: object) -> None:
    layer = diffsort.linen.QuantilePool(levels)
    assert hash(layer) == hash(diffsort.linen.QuantilePool(tuple(float(level) for level in levels)))
    assert jax.jit(layer.apply)({}, X).shape == (4, 12)
