"""Figures and tables from what runs have written."""
