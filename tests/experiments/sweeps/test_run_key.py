import pytest
from omegaconf import OmegaConf

from experiments.sweeps.run_key import run_key


@pytest.mark.parametrize(
    "changed",
    [
        ["sort=builtin"],
        ["data.directory=elsewhere"],
        ["logger._target_=elsewhere.Logger"],
        ["trainer.checkpoint_every=7", "trainer.keep_checkpoints=9"],
    ],
)
def test_what_cannot_change_a_result_does_not_count(configure, changed):
    assert run_key(configure("model=maxpool", *changed)) == run_key(configure("model=maxpool"))


@pytest.mark.parametrize(
    "changed",
    [
        "seed=1",
        "sort=builtin",
        "model=dgcnn",
        "model.pooling.pieces=3",
        "optimizer.learning_rate=0.1",
        "data.max_points=10",
        "trainer.steps=3",
        "trainer.batch_size=16",
        "trainer.evaluate_every=3",
        "trainer.measure_sort=true",
        "trainer.resume=elsewhere",
    ],
)
def test_what_can_change_a_result_counts(configure, changed):
    assert run_key(configure(changed)) != run_key(configure())


def test_the_order_of_the_keys_does_not_count(configure):
    config = configure()
    turned = OmegaConf.create({key: config[key] for key in reversed(list(config))})
    assert run_key(turned) == run_key(config)


def test_the_config_is_left_as_it_is(configure):
    config = configure()
    run_key(config)
    assert config == configure()
