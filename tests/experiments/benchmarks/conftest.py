"""What the tests of the benchmark share: results as a run would give them."""

from collections.abc import Callable

import pytest

from experiments.benchmarks.measurements import RUN_TIME, Result
from experiments.benchmarks.timing import summarised

MakeResult = Callable[..., Result]


@pytest.fixture
def make_result() -> MakeResult:
    """Makes a result of given times, or of given sizes with a quantity and a unit."""

    def make(suite: str, elements: int = 64, quantity: str = RUN_TIME, unit: str = "ms", **medians: float):
        spread = (0.5, 1.0, 1.5) if quantity == RUN_TIME else (1.0,)
        measurements = {name: summarised([m * s for s in spread]) for name, m in medians.items()}
        return Result(suite, f"{elements}", elements, quantity, unit, measurements)

    return make
