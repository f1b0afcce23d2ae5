"""Times sorts and training steps, contestants side by side: `python scripts/benchmark.py --help`."""

import argparse
import datetime
import math
import sys
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from experiments.benchmarks.comparison import comparison_table
from experiments.benchmarks.measurements import (
    Result,
    describe_machine,
    machine_line,
    read_results,
    write_results,
)
from experiments.benchmarks.plot import save_benchmark_plot
from experiments.benchmarks.suites import SUITES, run_suite
from experiments.benchmarks.summaries import benchmark_table, summary_line, summary_table, together_line
from experiments.errors import UserError
from experiments.hydra_versions import INITIALIZE

CONFIGS = Path(__file__).parents[1] / "configs"
RESULTS = "results.json"


def main() -> None:
    """Runs the suites asked for, prints results as they come, and writes them with pictures of them."""
    arguments = _parse_arguments()
    written: list[Path] = []
    if arguments.sum_up:
        machine, results = arguments.sum_up
        print(summary_table(machine, results))
    else:
        machine = describe_machine()
        written.append(arguments.output / RESULTS)
        try:
            results = _measure(arguments, machine, written[0])
        except KeyboardInterrupt:
            again = f"python scripts/benchmark.py --sum-up {arguments.output}"
            again += f" --compare {arguments.compare}" if arguments.compare else ""
            print(f"\ninterrupted: {again} sums up what was measured", file=sys.stderr)
            sys.exit(130)
    if arguments.compare:
        print(f"\nbefore ({arguments.compare}) and after ({arguments.output}):\n")
        print(comparison_table(arguments.before, (machine, results)))
    drawn = save_benchmark_plot(
        results, arguments.output / "benchmark", machine_line(machine), machine["manual"]
    )
    if written or drawn:
        print(f"\nwrote {', '.join(map(str, written + drawn))}")
    if not drawn:
        print("no picture: none of these suites has one")


def _measure(arguments: argparse.Namespace, machine: dict[str, Any], path: Path) -> list[Result]:
    print(f"{machine_line(machine)}: medians, quartiles, and the median relative to manual's")
    results: list[Result] = []
    for suite in arguments.suites:
        print(f"\n{suite}: {SUITES[suite]}")
        for result in run_suite(suite, arguments.seconds, _config):
            results.append(result)
            print(benchmark_table(result, machine["manual"]), flush=True)
            write_results(path, machine, results)  # so that an interrupt costs only what was not measured
        if summary := summary_line([r for r in results if r.suite == suite]):
            print(summary, flush=True)
    if summary := together_line(results):
        print(f"\n{summary}")
    return results


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Times every implementation of the sort in one process, each in its turn, and writes\n"
        "results.json and pictures. All suites together take some minutes; use an idle machine.",
        epilog="\n".join(["suites:", *(f"  {suite:<10}{words}" for suite, words in SUITES.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="one or more of those below (default: all)"
    )
    parser.add_argument(
        "--seconds", type=float, default=3.0, metavar="S", help="how long to time a case (default: 3)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where to write (default: outputs/benchmark/DATE_TIME)"
    )
    parser.add_argument(
        "--sum-up",
        type=Path,
        metavar="DIR",
        help="measure nothing: print DIR/results.json as the README's table, and draw its pictures again",
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="OLD",
        help="print a table of before and after, too: OLD is a results.json or its directory, and its suites "
        "are measured unless some are named; with --sum-up two finished results are compared",
    )
    arguments = parser.parse_args()
    for suite in arguments.suites:
        if suite not in SUITES:
            parser.error(f"no suite {suite!r} (choices: {', '.join(SUITES)})")
    if not 0 <= arguments.seconds < math.inf:
        parser.error(f"--seconds {arguments.seconds}: give a number of seconds, zero or more")
    if arguments.sum_up and (arguments.suites or arguments.output):
        parser.error("--sum-up: takes neither suites nor --output, as nothing is measured")
    if arguments.compare:
        arguments.before = _read(parser, "--compare", arguments.compare)
    if arguments.sum_up:
        arguments.output = arguments.sum_up
        arguments.sum_up = _read(parser, "--sum-up", arguments.sum_up)
        return arguments
    if arguments.compare:
        _keep_what_can_be_compared(parser, arguments)
    arguments.suites = list(dict.fromkeys(arguments.suites or SUITES))
    now = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    arguments.output = arguments.output or Path("outputs", "benchmark", now)
    if (arguments.output / RESULTS).exists():
        parser.error(
            f"--output {arguments.output}: holds a {RESULTS}; give another directory, or move it away"
        )
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--output {arguments.output}: cannot make this directory ({error.strerror})")
    return arguments


def _read(parser: argparse.ArgumentParser, option: str, path: Path) -> tuple[dict[str, Any], list[Result]]:
    try:
        return read_results(path if path.is_file() else path / RESULTS)
    except UserError as error:
        parser.error(f"{option} {path}: {error}; give the directory of a run of this script")


def _keep_what_can_be_compared(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Chooses the suites of the older results where none were named, and leaves out the others of theirs."""
    machine, older = arguments.before
    held = [suite for suite in SUITES if suite in {result.suite for result in older}]
    arguments.suites = arguments.suites or held
    if not set(arguments.suites) & set(held):
        wanted = (
            f"nothing of {', '.join(arguments.suites)}" if arguments.suites else "no suite of this script"
        )
        it_has = f"; it has {', '.join(held)}" if held else ""
        parser.error(f"--compare {arguments.compare}: holds {wanted}{it_has}")
    arguments.before = machine, [result for result in older if result.suite in arguments.suites]


def _config(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONFIGS), **INITIALIZE):
        return compose("train", overrides=list(overrides))


if __name__ == "__main__":
    main()
