"""Training a model as a config describes it."""
