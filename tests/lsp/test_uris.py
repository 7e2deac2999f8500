"""URIs of files with any bytes in their names, and of what is in no file."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.lsp.uris import name_of, path_of, uri_of


@settings(deadline=None)
@given(st.binary(max_size=20).filter(lambda name: b"\0" not in name))
def test_a_path_of_any_bytes_goes_there_and_back(name: bytes) -> None:
    path = os.fsdecode(b"/" + name)
    assert path_of(uri_of(path)) == path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///home/a%20b/caf%C3%A9.py", "/home/a b/café.py"),
        ("file:///a%FF.py", "/a\udcff.py"),
        ("file:///a%23b%3Fc.py", "/a#b?c.py"),
        ("file://localhost/a.py", "/a.py"),
        ("untitled:Untitled-1", None),
        ("vscode-notebook-cell:/a.ipynb#X", None),
        ("file:relative.py", None),
        ("file:///a%00b", None),
        ("http://[", None),
        ("file:///\ud800.py", None),
        ("", None),
    ],
)
def test_paths(uri: str, path: str | None) -> None:
    assert path_of(uri) == path


def test_names() -> None:
    assert name_of("file:///a/b.py") == "/a/b.py"
    assert name_of("untitled:Untitled-1") == "Untitled-1"
