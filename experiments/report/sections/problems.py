"""What to know before reading on."""

from experiments.report.content import Listing, Section
from experiments.report.sweep import Sweep


def problems_section(sweep: Sweep) -> Section | None:
    """Returns what is missing or broken; None if nothing is."""
    if not sweep.problems:
        return None
    return Section("Problems", [Listing([f"`{p.where}`: {p.what}." for p in sweep.problems])])
