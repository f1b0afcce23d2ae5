from experiments.analysis.results import Measurement, exactly, summarised


def test_values_of_chance_are_summarised_by_quartiles():
    assert summarised([5.0, 1.0, 2.0, 4.0, 3.0]) == Measurement(3.0, 2.0, 4.0, 5)


def test_a_value_without_chance_has_no_spread():
    assert exactly(2.0) == Measurement(2.0, 2.0, 2.0, 1)
