import dataclasses

import numpy as np
import pytest

from experiments.benchmarks.comparison import changes, comparison_table
from experiments.benchmarks.measurements import Result
from experiments.benchmarks.timing import Measurement, summarised

MACHINE = {
    "device": "cpu: AMD EPYC",
    "cores": 2,
    "instruction_set": "avx2",
    "manual": "native",
    "torch": None,
    "git_revision": "a1",
    "versions": {"python": "3.13.0", "jax": "0.12.0", "jaxlib": "0.12.0", "numpy": "2.5.5"},
}


def result(case="8", suite="rows", unit="ms", quantity="run time", failures=None, **measurements):
    return Result(suite, case, 8, quantity, unit, measurements, failures or {})


def table_of(before, after):
    return comparison_table((MACHINE, before), (MACHINE, after)).splitlines()


def cells(lines):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]


def test_a_row_a_contestant_the_worst_first():
    before = [
        result(manual=Measurement(2.0, 1.9, 2.1, 9), builtin=Measurement(2000.0, 1900.0, 2100.0, 9)),
        result("16", manual=Measurement(1.0, 0.5, 2.0, 9)),
    ]
    after = [
        result(manual=Measurement(4.0, 3.8, 4.2, 9), builtin=Measurement(1000.0, 950.0, 1050.0, 9)),
        result("16", manual=Measurement(1.25, 1.0, 2.0, 9)),
    ]
    lines = table_of(before, after)
    assert cells(lines)[1:] == [
        ["rows", "8", "manual", "2 ms", "4 ms", "2.00×", "1.81 – 2.21", "more"],
        ["rows", "16", "manual", "1 ms", "1.25 ms", "1.25×", "0.50 – 4.00", ""],
        ["rows", "8", "builtin", "2000 ms", "1000 ms", "0.50×", "0.45 – 0.55", "less"],
    ]
    assert len({len(line) for line in lines if line.startswith("|")}) == 1
    assert lines[-3:] == [
        "builtin: 0.50× in the geometric mean of 1; beyond the spread 1 less, 0 more",
        "manual: 1.58× in the geometric mean of 2; beyond the spread 0 less, 1 more",
        "all: 1.08× in the geometric mean of 3; beyond the spread 1 less, 1 more",
    ]


def test_a_change_is_beyond_the_spread_where_the_middle_halves_do_not_meet():
    generator = np.random.default_rng(0)
    for _ in range(200):
        old, new = (summarised(generator.gamma(3.0, size=5)) for _ in range(2))
        (change,) = changes([result(manual=old)], [result(manual=new)])
        expected = "more" if new.low > old.high else "less" if new.high < old.low else ""
        assert change.verdict == expected
        assert change.spread[0] <= change.ratio <= change.spread[1]


def test_sizes_have_no_spread_and_may_be_nothing():
    exact = {"unit": "× the input", "quantity": "temporaries"}
    before = [result(a=summarised([0.0]), b=summarised([0.0]), c=summarised([2.0]), **exact)]
    after = [result(a=summarised([0.0]), b=summarised([3.0]), c=summarised([0.0]), **exact)]
    lines = table_of(before, after)
    assert [row[1:3] + row[-3:] for row in cells(lines)[1:]] == [
        ["8: temporaries", "b", "inf×", "inf – inf", "more"],
        ["8: temporaries", "a", "1.00×", "1.00 – 1.00", ""],
        ["8: temporaries", "c", "0.00×", "0.00 – 0.00", "less"],
    ]
    assert lines[-1] == "all: 1.00× in the geometric mean of 3; beyond the spread 1 less, 1 more"


def test_a_mean_is_of_one_unit():
    sizes = {"unit": "× the input", "quantity": "temporaries"}
    before = [result(manual=summarised([1.0])), result(manual=summarised([1.0]), **sizes)]
    after = [result(manual=summarised([4.0])), result(manual=summarised([1.0]), **sizes)]
    assert table_of(before, after)[-4:] == [
        "manual, ms: 4.00× in the geometric mean of 1; beyond the spread 0 less, 1 more",
        "all, ms: 4.00× in the geometric mean of 1; beyond the spread 0 less, 1 more",
        "manual, × the input: 1.00× in the geometric mean of 1; beyond the spread 0 less, 0 more",
        "all, × the input: 1.00× in the geometric mean of 1; beyond the spread 0 less, 0 more",
    ]


def test_tells_how_the_machines_differ_above_the_table():
    other = {**MACHINE, "instruction_set": "avx512", "git_revision": None, "torch": "2.13.0"}
    other["versions"] = {**MACHINE["versions"], "jax": "0.12.1"}
    found = [result(manual=summarised([1.0]))]
    assert comparison_table((MACHINE, found), (other, found)).splitlines()[:6] == [
        "instruction set: avx2 before, avx512 after",
        "PyTorch: none before, 2.13.0 after",
        "revision: a1 before, none after",
        "jax: 0.12.0 before, 0.12.1 after",
        "",
        "| suite | case | contestant | before | after | ratio | spread      | beyond it |",
    ]


def test_names_what_only_one_has_and_why():
    one = summarised([1.0])
    before = [result(manual=one, builtin=one, torch=one), result("16", manual=one), result("4", torch=one)]
    after = [
        result(manual=one, failures={"builtin": "out of memory"}),
        result("4", ott=one),
        result("8", "tiny", manual=one),
    ]
    lines = table_of(before, after)
    assert [line for line in lines if line.startswith("only")] == [
        "only before: builtin in rows 8; it failed: out of memory",
        "only before: rows 16",
        "only before: PyTorch in 2 cases of rows",
        "only after: tiny 8",
        "only after: ott in 1 case of rows",
    ]


def test_another_unit_is_another_quantity():
    one = summarised([1.0])
    assert table_of([result(manual=one)], [result(manual=one, unit="s")]) == [
        "only before: rows 8",
        "only after: rows 8",
        "",
        "nothing to compare: no contestant was measured in the same case before and after",
    ]


@pytest.mark.parametrize(("suite", "cases"), [("loop", ["model=sortpool"]), ("step", [])])
def test_loops_compare_however_long_their_steps_took(suite, cases):
    old = result("model=sortpool, steps of 3.8 ms", suite, once=summarised([1.0]))
    new = dataclasses.replace(old, case="model=sortpool, steps of 4.1 ms")
    assert [change.case for change in changes([old], [new])] == cases
