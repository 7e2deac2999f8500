"""What each command does, between its flags and the terminal."""
