"""Choosing by running: what a file says about its functions, and what candidates agree on."""
