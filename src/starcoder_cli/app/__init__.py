"""What each command does, behind its flags and in front of the terminal."""
