"""The command line of the tests of experiments.cli, for sweeps that remember what they have run."""

from tests.experiments.cli.conftest import invoke, start  # noqa: F401 (fixtures)
