"""The report on a sweep: what its runs found, in Markdown and as one page of HTML."""
