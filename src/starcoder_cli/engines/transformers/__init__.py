"""Checkpoints on transformers: where their weights go, and how they are run."""
