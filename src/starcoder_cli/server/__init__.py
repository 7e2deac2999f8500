"""The process that keeps models loaded, and answers for them over a socket."""
