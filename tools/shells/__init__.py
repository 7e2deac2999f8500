"""Completion scripts: what the command line takes, and how each shell is told."""
