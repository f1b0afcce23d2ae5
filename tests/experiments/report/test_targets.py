import pytest

from experiments.report.metric import Metric
from experiments.report.targets import Arrival, arrival, default_target

ACCURACY, CRPS = Metric("accuracy"), Metric("crps", higher_is_better=False)


@pytest.fixture
def validated(make_run):
    """Makes a run of 10 ms a step, evaluated at steps 10, 20, ..."""

    def make(metric, *values):
        rows = [{"step": 10 * i, metric.validation: value} for i, value in enumerate(values, 1)]
        return make_run(rows=rows, summary={"step_time_ms": 10.0})

    return make


def test_arrival_is_the_first_evaluation_as_good_as_the_target(validated):
    run = validated(ACCURACY, 0.5, 0.9, 0.8, 0.95)
    assert arrival(run, ACCURACY, 0.9) == Arrival(20, 0.2)
    assert arrival(run, ACCURACY, 0.951) is None


def test_lower_may_be_better(validated):
    assert arrival(validated(CRPS, 0.5, 0.2, 0.3), CRPS, 0.3) == Arrival(20, 0.2)


def test_time_may_be_unknown(make_run):
    run = make_run(rows=[{"step": 10, "validation_accuracy": 0.9}])
    assert arrival(run, ACCURACY, 0.9) == Arrival(10, None)


@pytest.mark.parametrize(
    ("metric", "values", "target"),
    [
        (ACCURACY, [0.9367, 0.8233, 0.95], 0.82),
        (ACCURACY, [0.82, 0.9], 0.82),
        (ACCURACY, [1.0], 1.0),
        (CRPS, [0.2209, 0.0123], 0.23),
        (CRPS, [0.0123], 0.013),
        (ACCURACY, [-1.23, 5.0], -1.3),
        (ACCURACY, [0.0], 0.0),
        (ACCURACY, [0.1] + [0.9] * 9, 0.9),
        (ACCURACY, [0.1] * 2 + [0.9] * 8, 0.1),
        (ACCURACY, [], None),
    ],
)
def test_default_target_is_what_nine_in_ten_reach(metric, values, target, validated):
    worst = 0.0 if metric is ACCURACY else 10.0
    runs = [validated(metric, v, min(v, worst) if metric is ACCURACY else worst) for v in values]
    assert default_target(runs, metric) == target
