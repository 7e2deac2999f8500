"""The process that keeps models loaded and serves them over a socket."""
