import jax.numpy as jnp

from experiments.training.sort_share import sort_fraction
from experiments.training.steps import TrainState

STATE = TrainState(jnp.ones(3), ())


def test_the_same_program_twice_has_a_share_of_zero():
    step = lambda state, batch: (state, {"loss": jnp.sum(batch)})  # noqa: E731
    assert sort_fraction(step, step, STATE, jnp.ones(3)) == 0.0


def test_a_program_of_nothing_but_sorting_has_a_large_share():
    def sorts(state, batch):
        return state, {"loss": jnp.sum(jnp.sort(batch)[::2])}

    def does_not(state, batch):
        return state, {"loss": jnp.sum(batch[::2])}

    share = sort_fraction(sorts, does_not, STATE, jnp.cos(jnp.arange(200_000.0)))
    assert 0.5 < share <= 1.0
