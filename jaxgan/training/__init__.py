"""The training loop, its logs, and what watches it."""
