"""Which other text of a project to include, and how much of it there is time to read."""
