"""Times sorts and training steps, contestants side by side: `python scripts/benchmark.py --help`."""

import argparse
import dataclasses
import datetime
import json
import math
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from experiments.analysis.benchmark_plot import save_benchmark_plot
from experiments.analysis.benchmarks import SUITES, run_suite
from experiments.analysis.peers import torch_version
from experiments.analysis.results import Result
from experiments.analysis.tables import benchmark_table, summary_line, together_line
from experiments.training.environment import describe_environment

CONFIGS = Path(__file__).parents[1] / "configs"


def main() -> None:
    """Runs the suites asked for, prints results as they come, and writes them with a picture of them."""
    arguments = _parse_arguments()
    environment = {**describe_environment(), "torch": torch_version()}
    print(f"{environment['device']}: medians, quartiles, and the median relative to manual's")
    results: list[Result] = []
    for suite in dict.fromkeys(arguments.suites or SUITES):
        print(f"\n{suite}: {SUITES[suite]}")
        for result in run_suite(suite, arguments.seconds, _config):
            results.append(result)
            print(benchmark_table(result), flush=True)
        if summary := summary_line([r for r in results if r.suite == suite]):
            print(summary, flush=True)
    if summary := together_line(results):
        print(f"\n{summary}")

    content = {"environment": environment, "results": [dataclasses.asdict(r) for r in results]}
    found, picture = arguments.output / "results.json", arguments.output / "benchmark.png"
    found.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    drawn = save_benchmark_plot(results, picture, str(environment["device"]))
    print(f"\nwrote {found}" + (f" and {picture}" if drawn else "; these suites have no picture"))


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Times sorts, forward and backward, in turn in one process. All suites take minutes."
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)} (default: all)")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="for a case (default: 3)")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="to write to (default: outputs/benchmark/DATE_TIME)"
    )
    arguments = parser.parse_args()
    for suite in arguments.suites:
        if suite not in SUITES:
            parser.error(f"no suite {suite!r} (choices: {', '.join(SUITES)})")
    if not 0 <= arguments.seconds < math.inf:
        parser.error(f"--seconds {arguments.seconds}: give a number of seconds, zero or more")
    now = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    arguments.output = arguments.output or Path("outputs", "benchmark", now)
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--output {arguments.output}: cannot make this directory ({error.strerror})")
    return arguments


def _config() -> DictConfig:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("train")


if __name__ == "__main__":
    main()
