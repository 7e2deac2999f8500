"""Where an answer should have ended: clean-up of what a model wrote."""
