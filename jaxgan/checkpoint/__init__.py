"""Checkpoints of a training run: saving, restoring, and what a folder of them holds."""
