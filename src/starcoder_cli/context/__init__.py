"""Which other text of a project is worth including, and how much of it there is time for."""
