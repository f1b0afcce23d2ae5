"""What the studies need and no library user does: data, models, training, analysis."""
