"""The wire formats between this program, its server, its clients and other servers."""
