"""Evaluates a run: `python scripts/evaluate.py outputs/DATE/TIME`."""

import argparse
import io
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

from experiments.errors import UserError
from experiments.files import write_bytes


def main() -> None:
    """Prints the metrics of a run on a split of its data, or of others, and writes its predictions."""
    parser = argparse.ArgumentParser(description="Says how good a run is, and writes what it predicts.")
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="its directory, RUN/best, or RUN/checkpoints/STEP"
    )
    parser.add_argument("--split", default="test", choices=["test", "validation", "train"])
    parser.add_argument(
        "--output", type=Path, metavar="FILE.npz", help="default: RUN/predictions-SPLIT-STEP.npz"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file that --output names")
    parser.add_argument(
        "changes", nargs="*", metavar="data.KEY=VALUE", help="other data, as in data.max_points=30"
    )
    arguments = parser.parse_intermixed_args()
    try:
        print(_evaluate(arguments))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _evaluate(arguments: argparse.Namespace) -> str:
    """Returns what to print."""
    from experiments.training.loading import load_run  # only now: --help needs no JAX

    run = load_run(arguments.run, arguments.changes)
    name = "-".join(["predictions", arguments.split, str(run.step), *arguments.changes])
    name = re.sub(r"[^-\w.=]+", "_", name)
    output = arguments.output or run.directory / f"{name}.npz"
    if output.exists() and not (arguments.output and arguments.overwrite):
        raise UserError(f"{output}: exists; write --output ANOTHER.npz, or --output {output} --overwrite")
    metrics, evaluation = run.evaluate(arguments.split)
    arrays: dict[str, Any] = {**evaluation.given, **evaluation.predictions}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(output, file.getvalue())
    except OSError as error:
        raise UserError(f"{output}: cannot be written ({error.strerror})") from error
    lines = [f"{metric.replace('_', ' ')} {value:.6g}" for metric, value in metrics.items()]
    return "\n".join([f"{arguments.split} split, step {run.step}", *lines, f"predictions in {output}"])


if __name__ == "__main__":
    main()
