"""Sockets and HTTP: how this program reaches its own server and remote ones."""
