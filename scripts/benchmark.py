"""Times sorts and training steps, implementations side by side: `python scripts/benchmark.py --help`."""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from hydra import compose, initialize_config_dir

from experiments.analysis.benchmarks import SORTS, SUITES, Result, run_sorts, run_steps
from experiments.analysis.tables import benchmark_table, geometric_mean_line
from experiments.training.environment import describe_environment

CONFIGS = Path(__file__).parents[1] / "configs"


def main() -> None:
    """Runs the suites asked for, prints results as they come, and writes them as JSON if asked."""
    parser = argparse.ArgumentParser(
        description="Times each sort implementation, forward and backward, in turn in one process."
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)} (default: all)")
    parser.add_argument("--seconds", type=float, default=3.0, help="to spend on a case (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file")
    arguments = parser.parse_args()
    for suite in arguments.suites:
        if suite not in SUITES:
            parser.error(f"no suite {suite!r} (choices: {', '.join(SUITES)})")
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        parser.error(f"--json {arguments.json}: no such directory; make it first")

    environment = describe_environment()
    print(f"{environment['device']}: median time, quartiles, and the median relative to manual's")
    results: list[Result] = []
    for suite in arguments.suites or SUITES:
        print(f"\n{suite}: {'training step' if suite == 'step' else 'float32, forward and backward'}")
        for result in _run(suite, arguments.seconds):
            results.append(result)
            print(benchmark_table(result), flush=True)
        print(geometric_mean_line([r for r in results if r.suite == suite]))
    if arguments.json:
        content = {"environment": environment, "results": [dataclasses.asdict(r) for r in results]}
        arguments.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _run(suite: str, seconds: float) -> Iterator[Result]:
    if suite in SORTS:
        return run_sorts(suite, seconds)
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return run_steps(compose("train"), seconds)


if __name__ == "__main__":
    main()
