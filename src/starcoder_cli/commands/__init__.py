"""The commands, one file and one function each."""
