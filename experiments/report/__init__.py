"""The report on a sweep: what its runs found, in Markdown and as one page of HTML."""

from experiments.report.writing import write_report

__all__ = ["write_report"]
