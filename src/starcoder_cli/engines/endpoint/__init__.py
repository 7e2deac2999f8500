"""Models at OpenAI-compatible servers of others."""
