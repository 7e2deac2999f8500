"""Which other text of a project is worth reading along, and how much of it there is time for."""
