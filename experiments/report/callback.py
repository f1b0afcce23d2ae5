"""What Hydra calls as a sweep ends: its report is written."""

import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from experiments.errors import UserError


class SweepReport(Callback):
    """Writes the report on a sweep as it ends: `report.html` and `report.md` in its directory.

    Args:
        baseline: As `scripts/report.py --baseline`.
    """

    def __init__(self, baseline: str | None = None) -> None:
        self._baseline = baseline

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Writes the report and prints its headline table."""
        from experiments.report.page import write_report  # only now: it loads what draws

        directory = Path(config.hydra.sweep.dir)
        try:
            print(write_report(directory, directory, self._baseline))
        except UserError as error:
            print(f"no report: {error}", file=sys.stderr)
