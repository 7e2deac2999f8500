"""What a person sees: messages, code, Markdown and tables on a terminal."""
