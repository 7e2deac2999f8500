"""The language server that editors start: completions and edits over the standard protocol."""
