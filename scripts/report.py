"""Prints the table of a sweep: `python scripts/report.py multirun/DATE/TIME`."""

import argparse
import sys
from pathlib import Path

from experiments.analysis.sweeps import accuracy_table, read_summaries
from experiments.errors import UserError


def main() -> None:
    """Reads every finished run below a directory and prints a Markdown table."""
    parser = argparse.ArgumentParser(description="Prints a Markdown table of a sweep's finished runs.")
    parser.add_argument("directory", type=Path, metavar="SWEEP_DIR", help="where the sweep wrote its runs")
    try:
        print(accuracy_table(read_summaries(parser.parse_args().directory)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
