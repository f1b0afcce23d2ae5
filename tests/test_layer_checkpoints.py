"""Layers saved and restored by Orbax, bit for bit, across both Flax APIs."""

import pathlib
from typing import Any

import jax
import pytest
from flax import nnx
from orbax.checkpoint import v1 as ocp

from tests.layer_cases import CASES, Case, batch, linen_variables
from tests.oracles import assert_same_bits

LEARNING = {name: case for name, case in CASES.items() if case.learns}
over_learning_layers = pytest.mark.parametrize("case", LEARNING.values(), ids=LEARNING)


def assert_same_trees(actual: Any, expected: Any) -> None:
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    jax.tree.map(assert_same_bits, actual, expected)


@over_learning_layers
def test_nnx_state(case: Case, tmp_path: pathlib.Path) -> None:
    saved, other = case.build(), case.build(seed=1)
    ocp.save(tmp_path / "layer", nnx.to_pure_dict(nnx.state(saved)))
    state = nnx.state(other)
    nnx.replace_by_pure_dict(state, ocp.load(tmp_path / "layer", nnx.to_pure_dict(state)))
    nnx.update(other, state)
    assert_same_trees(nnx.to_pure_dict(nnx.state(other)), nnx.to_pure_dict(nnx.state(saved)))
    arguments = case.arguments(*batch())
    assert_same_bits(other(*arguments), saved(*arguments))


@over_learning_layers
def test_linen_variables(case: Case, tmp_path: pathlib.Path) -> None:
    x, where = batch()
    variables = case.linen().init(jax.random.key(0), *case.arguments(x, where))
    ocp.save(tmp_path / "variables", variables)
    other = case.linen().init(jax.random.key(1), *case.arguments(x, where))
    restored = ocp.load(tmp_path / "variables", other)
    assert_same_trees(restored, variables)
    assert_same_bits(case.apply(restored, x, where), case.apply(variables, x, where))


@over_learning_layers
def test_an_nnx_checkpoint_in_a_linen_model(case: Case, tmp_path: pathlib.Path) -> None:
    layer = case.build()
    ocp.save(tmp_path / "layer", linen_variables(layer))
    x, where = batch()
    restored = ocp.load(tmp_path / "layer", case.linen().init(jax.random.key(1), *case.arguments(x, where)))
    assert_same_bits(case.apply(restored, x, where), layer(*case.arguments(x, where)))
