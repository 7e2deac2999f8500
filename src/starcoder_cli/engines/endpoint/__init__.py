"""Models on other people's OpenAI-compatible servers."""
