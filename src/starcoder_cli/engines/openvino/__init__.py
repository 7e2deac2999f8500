"""Models on OpenVINO: prepared, loaded and run in a loop of our own."""
