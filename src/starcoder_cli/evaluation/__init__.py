"""How well a model does: problems, the scores of its answers, and a report."""
