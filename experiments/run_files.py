"""What a run's files are called. Imports nothing, so that jobs which only look at files stay quick."""

METRICS_FILE = "metrics.jsonl"
SUMMARY_FILE = "summary.json"
CHECKPOINTS = "checkpoints"
