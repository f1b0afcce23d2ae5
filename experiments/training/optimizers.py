"""From a config to an optimizer and its learning rate."""

import optax
from omegaconf import DictConfig

from experiments.errors import UserError
from experiments.training.building import constructor


def build_optimizer(config: DictConfig, steps: int) -> tuple[optax.GradientTransformation, optax.Schedule]:
    """Returns the optimizer and its learning rate: linear warm-up, then a cosine down to a fraction.

    Args:
        config: `learning_rate` (peak), `warmup` and `final` (fractions of the steps and of the peak),
            `clip` (global norm of the gradient, or null), `transform` (an optax optimizer).
        steps: length of the run.

    Raises:
        UserError: a value is out of range.
    """
    _in_range("optimizer.learning_rate", config.learning_rate, low=0)
    _in_range("optimizer.warmup", config.warmup, low=0, high=1)
    _in_range("optimizer.final", config.final, low=0, high=1)
    peak = config.learning_rate
    # At least one step of each, or the schedule has nothing to interpolate.
    warmup = min(max(1, round(config.warmup * steps)), max(1, steps - 1))
    schedule = optax.warmup_cosine_decay_schedule(
        0.0, peak, warmup, max(steps, warmup + 1), peak * config.final
    )
    transform = constructor(config.transform)(learning_rate=schedule)
    if config.clip is None:
        return transform, schedule
    _in_range("optimizer.clip", config.clip, low=0)
    return optax.chain(optax.clip_by_global_norm(config.clip), transform), schedule


def _in_range(key: str, value: float, low: float, high: float | None = None) -> None:
    if value < low or (high is not None and value > high):
        limits = f"at least {low}" if high is None else f"between {low} and {high}"
        raise UserError(f"{key}={value} must be {limits}.")
