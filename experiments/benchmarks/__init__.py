"""How long sorts take, forward and backward, beside those of others."""
