"""Bytes in and out of files: read as sources, saved without loss, compared as patches."""
