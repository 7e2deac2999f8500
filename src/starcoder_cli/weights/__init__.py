"""Read model weight files without trusting them."""
