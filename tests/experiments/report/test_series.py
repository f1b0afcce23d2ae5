import math

import numpy as np

from experiments.report.series import Series, block_means, mean_series, read_series


def rows(*points):
    return [dict(zip(("step", "loss", "seconds"), point, strict=False)) for point in points]


def test_seconds_are_those_of_the_rows(make_run):
    series = read_series(make_run(rows=rows((1, 2.0, 0.5), (3, 1.0, 0.75))), "loss")
    assert series.steps.tolist() == [1, 3]
    assert series.values.tolist() == [2.0, 1.0]
    assert series.seconds.tolist() == [0.5, 0.75]


def test_else_they_follow_from_the_time_of_a_step(make_run):
    run = make_run(rows=rows((1, 2.0), (3, 1.0)), summary={"step_time_ms": 200})
    np.testing.assert_allclose(read_series(run, "loss").seconds, [0.2, 0.6])
    assert all(map(math.isnan, read_series(make_run(rows=rows((1, 2.0))), "loss").seconds))


def test_rows_without_the_key_are_passed_over(make_run):
    run = make_run(
        rows=[{"step": 1, "loss": 2.0}, {"step": 2, "validation_loss": 1.0}, {"step": 3, "loss": None}]
    )
    assert read_series(run, "loss").steps.tolist() == [1]
    assert read_series(run, "accuracy").steps.size == 0


def series(*points):
    steps, seconds, values = zip(*points, strict=True)
    return Series(np.array(steps), np.array(seconds), np.array(values))


def test_a_mean_is_of_the_steps_that_all_have():
    empty = Series(np.array([], int), np.array([]), np.array([]))
    mean = mean_series([series((1, 1.0, 4.0), (2, 2.0, 2.0)), empty, series((2, 4.0, 3.0), (3, 6.0, 1.0))])
    assert [mean.steps.tolist(), mean.seconds.tolist(), mean.values.tolist()] == [[2], [3.0], [2.5]]
    assert mean_series([empty]).steps.size == 0


def test_blocks_are_means_at_their_last_step():
    blocks = block_means(series(*((s, s / 10, float(s)) for s in range(1, 8))), blocks=3)
    assert blocks.steps.tolist() == [2, 4, 6]
    assert blocks.values.tolist() == [1.5, 3.5, 5.5]
    assert blocks.seconds.tolist() == [0.2, 0.4, 0.6]
