"""Teaches a model a repository: the data, the holes cut into it, the plan, the card."""
