"""Several answers to one question: what is wrong with each, and which is best."""
