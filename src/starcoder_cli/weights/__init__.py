"""File formats of model weights, read without trusting them."""
