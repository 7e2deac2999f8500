"""How fast models are on this machine: what is measured, in which process, and what it comes to."""
