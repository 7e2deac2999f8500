"""How good a model is: problems, the scores of its answers, and a report."""
