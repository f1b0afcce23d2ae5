import math

import pytest

from experiments.report.losses import loss_differences


def rows(*losses):
    return [{"step": step, "loss": loss} for step, loss in enumerate(losses, 1)]


def compare(make_cell, first, second):
    (found,) = loss_differences([make_cell(first, sort="manual"), make_cell(second, sort="builtin")])
    return found


def test_equal_losses_differ_by_zero(make_cell):
    losses = {0: rows(2.0, 1.0, math.nan, math.inf), 1: rows(3.0)}
    found = compare(make_cell, losses, losses)
    assert (found.seeds, found.steps, found.largest, found.first_step) == (2, 5, 0.0, None)


def test_the_largest_difference_and_the_first_step_that_has_one(make_cell):
    found = compare(
        make_cell, {0: rows(2.0, 1.0, 0.5), 1: rows(2.0, 1.0)}, {0: rows(2.0, 1.0, 1.0), 1: rows(2.0, 1.25)}
    )
    assert (found.largest, found.first_step, found.steps) == (0.5, 2, 5)


def test_only_common_seeds_and_steps_are_compared(make_cell):
    found = compare(make_cell, {0: rows(2.0, 1.0), 1: rows(9.0)}, {0: rows(2.0), 2: rows(8.0)})
    assert (found.seeds, found.steps, found.largest) == (1, 1, 0.0)


def test_a_loss_that_is_no_number_is_no_small_difference(make_cell):
    found = compare(make_cell, {0: rows(math.nan)}, {0: rows(1.0)})
    assert math.isnan(found.largest)
    assert found.first_step == 1


@pytest.mark.parametrize("other", [{"sort": "manual", "model": "b"}, {"sort": "builtin", "model": "b"}])
def test_cells_that_differ_otherwise_are_not_compared(other, make_cell):
    cells = [make_cell({0: rows(1.0)}, sort="manual", model="a"), make_cell({0: rows(1.0)}, **other)]
    assert loss_differences(cells) == []


def test_cells_without_common_losses_are_left_out(make_cell):
    assert loss_differences([make_cell({0: []}, sort="a"), make_cell({0: rows(1.0)}, sort="b")]) == []
