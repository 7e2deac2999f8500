"""Model files on this machine: where they are, and how their bytes get there."""
