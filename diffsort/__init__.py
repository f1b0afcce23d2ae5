"""Sorting for Flax models, with a derivative written by hand."""
