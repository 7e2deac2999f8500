"""Where models run: each engine opens a model and streams its answers."""
