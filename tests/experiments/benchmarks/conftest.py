"""What the tests of the benchmark share: results as a run would give them."""

from collections.abc import Callable

import pytest

from experiments.benchmarks.results import RUN_TIME, Result, exactly, summarised

MakeResult = Callable[..., Result]


@pytest.fixture
def make_result() -> MakeResult:
    """Makes a result of given times, or of given sizes with a quantity and a unit."""

    def make(suite: str, elements: int = 64, quantity: str = RUN_TIME, unit: str = "ms", **medians: float):
        measure = exactly if quantity != RUN_TIME else lambda m: summarised([0.5 * m, m, 1.5 * m])
        measurements = {name: measure(median) for name, median in medians.items()}
        return Result(suite, f"{elements}", elements, quantity, unit, measurements)

    return make
