"""What the operating system does for us: signals, processes, time."""
