"""Names of documents: a file's URI and its path, which need not be UTF-8."""

import os
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

SAFE = "/:@!$&'()*+,;=~-._"


def path_of(uri: str) -> str | None:
    """The path in a file's URI; None for a document that is not in a file."""
    try:
        parts = urlsplit(uri)
        path = unquote_to_bytes(parts.path)
    except ValueError:  # such as a bracket instead of a host, or half a character
        return None
    if parts.scheme != "file" or not path.startswith(b"/") or b"\0" in path:
        return None
    return os.fsdecode(path)


def uri_of(path: str) -> str:
    """The URI of a file at an absolute path."""
    return "file://" + quote_from_bytes(os.fsencode(path), SAFE)


def name_of(uri: str) -> str:
    """A document's name: its path, or the last part of its URI."""
    path = path_of(uri)
    return path if path is not None else uri.rpartition("/")[2].rpartition(":")[2]
