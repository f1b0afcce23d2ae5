"""How to do it again."""

from experiments.report.cells import same_everywhere
from experiments.report.content import Block, Commands, Listing, Section
from experiments.report.provenance import environments, run_command, sweep_command
from experiments.report.sweep import Sweep


def provenance_section(sweep: Sweep) -> Section:
    """Returns what runs shared, what they ran on, and the exact commands."""
    blocks: list[Block] = []
    if shared := same_everywhere(sweep.runs):
        blocks += ["The same in all runs: " + ", ".join(f"`{setting}`" for setting in shared) + "."]
    blocks.append(Listing([_line(part, values) for part, values in environments(sweep.finished).items()]))
    if commands := [sweep_command(multirun) for multirun in sweep.multiruns]:
        blocks += ["The whole, at once:", Commands(commands)]
    blocks += ["Each run by itself:", Commands([run_command(run) for run in sweep.runs])]
    return Section("How it was made", blocks)


def _line(part: str, values: dict[str, list[str]]) -> str:
    if len(values) == 1:
        return f"{part}: `{next(iter(values))}`"
    return f"{part}: " + "; ".join(f"`{value}` in {', '.join(names)}" for value, names in values.items())
