"""What a model reads: each family's format for a gap, a conversation or an edit."""
