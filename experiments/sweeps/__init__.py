"""Sweeps as studies: no run twice, a line a run, a report in the end. Imports no JAX: jobs are many."""
