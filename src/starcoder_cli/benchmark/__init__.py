"""How fast models are on this machine: what is measured, in which process, and the results."""
