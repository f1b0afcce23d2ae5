"""Writes the report on a sweep: `python scripts/report.py multirun/DATE/TIME`."""

import argparse
import math
import sys
from pathlib import Path

from experiments.errors import UserError
from experiments.report.page import write_report


def main() -> None:
    """Reads every run below a directory, writes the report on them, and prints the headline table."""
    parser = argparse.ArgumentParser(
        description="Writes a report on the runs of a sweep: report.html, a page for the browser; report.md, "
        "with figures in report-figures, as SVG, and as PDF for papers; report.csv, the numbers of every run."
    )
    parser.add_argument(
        "directory", type=Path, metavar="SWEEP_DIR", help="the directory that the sweep wrote to"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="where to write (default: SWEEP_DIR)")
    parser.add_argument(
        "--baseline",
        metavar="KEY=VALUE[,KEY=VALUE]",
        help="the cell to compare the others with (default: the first of the sweep)",
    )
    parser.add_argument(
        "--target",
        type=float,
        metavar="VALUE",
        help="compare the time that runs take to this value of the validation metric (default: the best "
        "value that nine runs in ten reach)",
    )
    arguments = parser.parse_args()
    if arguments.target is not None and not math.isfinite(arguments.target):
        parser.error(f"--target {arguments.target}: give a number")
    try:
        output = arguments.output or arguments.directory
        print(write_report(arguments.directory, output, arguments.baseline, arguments.target))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
