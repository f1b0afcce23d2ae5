"""The sweeper and the launcher that the project adds to Hydra's, and what they are called."""

from __future__ import annotations

from hydra.core.plugins import Plugins

from experiments.hydra_versions import register_resolver

COLLECTING_SWEEPER = "grid"  # takes failures for results, whichever the launcher
LISTING_SWEEPERS = ("basic", "grid")  # run a job for every value listed, and need no results


# Hydra's search for plugins makes its own classes anew, so it comes before anything is derived from them.
_plugins = Plugins.instance()
register_resolver()  # with the import, so that processes of parallel launchers have it too


def register_plugins() -> None:
    """Makes ``hydra/sweeper=grid`` and ``hydra/launcher=process`` known to Hydra."""
    from experiments.cli.process_launcher import ProcessLauncher  # these two import this module
    from experiments.cli.sweeper import GridSweeper

    for plugin in (GridSweeper, ProcessLauncher):
        _plugins.register(plugin)
        # Hydra instantiates plugins of a package called hydra_plugins alone.
        _plugins.class_name_to_class[f"hydra_plugins.{plugin.__module__}.{plugin.__name__}"] = plugin
