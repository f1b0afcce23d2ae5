"""The report on a sweep: what its runs found, as one page of HTML and in Markdown."""
