"""Teach a model a repository: the data, the holes that are cut into it, the plan, the card."""
