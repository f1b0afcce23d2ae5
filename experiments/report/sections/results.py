"""How good the cells are."""

from experiments.report.cells import ABSENT, Cell
from experiments.report.content import Block, Section, Table
from experiments.report.estimates import CONFIDENCE, mean_estimate, paired_differences
from experiments.report.figures.drawing import picture
from experiments.report.figures.results import results_figure
from experiments.report.metric import in_words, metric_names
from experiments.report.numbers import column, decimals, interval, percent
from experiments.report.sections.cell_table import cell_table
from experiments.report.sweep import Sweep, median_number
from experiments.report.targets import arrivals, median_seconds

_FEW_SEEDS = 10


def headline_table(sweep: Sweep) -> Table:
    """Returns what matters most of each cell: its metric, the difference to the baseline, its speed."""
    found = [cell.numbers(sweep.metric.test) for cell in sweep.cells]
    places = decimals(value for values in found for value in values.values())
    columns = {
        "seeds": [_seeds(cell) for cell in sweep.cells],
        f"{in_words(sweep.metric.test)} [{CONFIDENCE:.0%}]": [
            interval(mean_estimate(values.values()), places) for values in found
        ],
    }
    if len(sweep.cells) > 1:
        columns["difference to baseline [95%]"] = [_difference(sweep, cell, places) for cell in sweep.cells]
    columns["step, ms"] = column([median_number(cell, "step_time_ms") for cell in sweep.cells])
    columns["sort's share"] = [percent(median_number(cell, "sort_fraction")) for cell in sweep.cells]
    if sweep.target is not None:
        found_there = [arrivals(cell, sweep.metric, sweep.target) for cell in sweep.cells]
        columns[f"s to {sweep.target:g}"] = column([median_seconds(there) for there in found_there])
    return cell_table(sweep, columns)


def results_section(sweep: Sweep) -> Section:
    """Returns the headline table, its figure, and how to read them."""
    name, better = in_words(sweep.metric.test), "higher" if sweep.metric.higher_is_better else "lower"
    given = "as asked for" if sweep.baseline_was_given else "the first of the sweep with a result"
    text = (
        f"Means of {name} ({better} is better) over seeds, with {CONFIDENCE:.0%} percentile bootstrap "
        f"intervals. {_baselines(sweep)}, {given}; differences to it are taken at equal "
        f"seeds, and their interval is of their mean. Times are medians over seeds."
    )
    if any(len(cell.finished) < _FEW_SEEDS for cell in sweep.cells):
        text += (
            f" With fewer than {_FEW_SEEDS} seeds such intervals are too narrow (they cannot reach beyond "
            "the values themselves): look at the points."
        )
    caption = "Diamonds are means, bars their intervals, circles the seeds (always in the same order)."
    blocks: list[Block] = [text, headline_table(sweep), picture("results", caption, results_figure(sweep))]
    names = metric_names(sweep.finished)
    if len(names) > 1:
        blocks += [
            "Everything measured on the test data, with the same intervals:",
            _all_metrics(sweep, names),
        ]
    return Section("Results", blocks)


def _all_metrics(sweep: Sweep, names: list[str]) -> Table:
    columns = {}
    for name in names:
        found = [cell.numbers(f"test_{name}").values() for cell in sweep.cells]
        places = decimals(value for values in found for value in values)
        columns[in_words(f"test_{name}")] = [interval(mean_estimate(values), places) for values in found]
    return cell_table(sweep, columns)


def _difference(sweep: Sweep, cell: Cell, places: int) -> str:
    baseline, key = sweep.baseline_of(cell), sweep.metric.test
    if baseline is None:
        return ABSENT
    if cell is baseline:
        return "baseline"
    differences = paired_differences(cell.numbers(key), baseline.numbers(key))
    text = interval(mean_estimate(differences.values()), places, signed=True)
    return text if len(differences) in (0, len(cell.finished)) else f"{text} ({len(differences)} seeds)"


def _baselines(sweep: Sweep) -> str:
    first = sweep.baselines[0]
    if not sweep.compared_in:
        return f"The baseline is `{first.label}`"
    shared = ", ".join(f"`{c}={v}`" for c, v in first.values.items() if c not in sweep.compared_in)
    alike = " and ".join(f"`{column}`" for column in sweep.compared_in)
    return f"The baseline of a cell is the one with {shared} that agrees with it in {alike}"


def _seeds(cell: Cell) -> str:
    """How many have finished, of how many that began."""
    finished, begun = len(cell.finished), len(cell.runs)
    return str(finished) if finished == begun else f"{finished} of {begun}"
