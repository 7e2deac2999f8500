"""Read files as sources, save them without loss, and compare them as patches."""
