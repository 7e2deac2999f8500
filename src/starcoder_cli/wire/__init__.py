"""What goes over the wire: between this program, its server, its clients and servers of others."""
