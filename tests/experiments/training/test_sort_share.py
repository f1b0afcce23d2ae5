import jax.numpy as jnp

from experiments.training.devices import first_device
from experiments.training.sort_share import SortShare
from experiments.training.steps import Steps, TrainState

STATE = TrainState(jnp.ones(3), ())


def share(sorting, leaving, x):
    steps, unsorted_steps = (Steps(step, STATE, first_device()) for step in (sorting, leaving))
    steps.compile({"x": x}, [1])
    return SortShare(steps, unsorted_steps, {"x": x}).measure(STATE)


def test_the_same_program_twice_has_a_share_of_zero():
    step = lambda state, batch: (state, {"loss": jnp.sum(batch["x"])})  # noqa: E731
    assert share(step, step, jnp.ones(3)) == 0.0


def test_a_program_of_nothing_but_sorting_has_a_large_share():
    def sorts(state, batch):
        return state, {"loss": jnp.sum(jnp.sort(batch["x"])[::2])}

    def does_not(state, batch):
        return state, {"loss": jnp.sum(batch["x"][::2])}

    assert 0.5 < share(sorts, does_not, jnp.cos(jnp.arange(200_000.0))) <= 1.0
