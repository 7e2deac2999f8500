"""Files that xz has compressed: whole, in several streams, damaged, and greedy."""

import lzma
import os
from pathlib import Path

import pytest

from starcoder_cli.attribution.xz import MAX_XZ_MEMORY_BYTES, XZ_CHUNK_BYTES, XzStream

DATA = os.urandom(3 * XZ_CHUNK_BYTES) + bytes(1 << 20)


def read_all(path: Path, size: int = 10_000) -> bytes:
    """All that is in a file, in pieces of that size at most."""
    pieces = []
    with XzStream(path) as stream:
        while piece := stream.read(size):
            assert len(piece) <= size
            pieces.append(piece)
        assert stream.read(size) == b""
    return b"".join(pieces)


@pytest.mark.parametrize("form", [lzma.FORMAT_XZ, lzma.FORMAT_ALONE])
def test_what_went_in_comes_out(tmp_path: Path, form: int) -> None:
    path = tmp_path / "a.xz"
    path.write_bytes(lzma.compress(DATA, form, preset=9))
    assert read_all(path) == DATA


@pytest.mark.parametrize("padding", [0, 4, 2 * XZ_CHUNK_BYTES])
def test_streams_follow_each_other_with_zeros_between_and_behind(
    tmp_path: Path, padding: int
) -> None:
    path = tmp_path / "a.xz"
    parts = [DATA, b"", b"", b"end"]
    path.write_bytes(b"".join(lzma.compress(part) + bytes(padding) for part in parts))
    assert read_all(path) == DATA + b"end"


@pytest.mark.parametrize("count", [0, 10, -5])
def test_a_file_that_was_cut_off(tmp_path: Path, count: int) -> None:
    path = tmp_path / "a.xz"
    path.write_bytes(lzma.compress(DATA)[:count])
    with pytest.raises(EOFError, match="^it was cut off$"):
        read_all(path)


@pytest.mark.parametrize("before", [b"", lzma.compress(b"a")], ids=["alone", "behind a stream"])
def test_what_is_no_stream(tmp_path: Path, before: bytes) -> None:
    path = tmp_path / "a.xz"
    path.write_bytes(before + b"no stream at all")
    with pytest.raises(lzma.LZMAError, match="format"):
        read_all(path)


@pytest.mark.parametrize("before", [b"", lzma.compress(b"a")], ids=["alone", "behind a stream"])
@pytest.mark.parametrize("form", [lzma.FORMAT_XZ, lzma.FORMAT_ALONE])
def test_a_dictionary_that_is_too_large_is_an_error(
    tmp_path: Path, form: int, before: bytes
) -> None:
    path = tmp_path / "a.xz"
    path.write_bytes(before + with_large_dictionary(form))
    with pytest.raises(lzma.LZMAError, match="^it takes more than 128 MiB of memory to unpack$"):
        read_all(path)


def with_large_dictionary(form: int) -> bytes:
    """A few bytes that take more memory to read than they may."""
    kind = lzma.FILTER_LZMA2 if form == lzma.FORMAT_XZ else lzma.FILTER_LZMA1
    filters = [{"id": kind, "dict_size": MAX_XZ_MEMORY_BYTES, "mode": lzma.MODE_FAST}]
    return lzma.compress(b"a", form, filters=[{**filters[0], "mf": lzma.MF_HC3, "nice_len": 8}])


def test_the_file_is_closed_with_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.xz"
    path.write_bytes(lzma.compress(DATA))
    with XzStream(path) as stream:
        assert stream.read(3) == DATA[:3]
    assert stream.closed
    with pytest.raises(ValueError, match="closed file"):
        stream.read(XZ_CHUNK_BYTES * 9)
