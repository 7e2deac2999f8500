"""Operating system services: signals, processes, time."""
