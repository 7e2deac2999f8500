"""What a model reads: how each family spells a gap, a conversation or an edit."""
