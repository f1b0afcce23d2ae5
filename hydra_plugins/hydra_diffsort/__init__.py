"""Plugins of Hydra, which finds them here by itself. They are for the experiments alone."""
