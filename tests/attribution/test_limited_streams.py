"""Streams that end in an error if an archive wants too much."""

import io
from pathlib import Path

import pytest

from starcoder_cli.attribution.limited_streams import (
    MAX_ARCHIVE_NAMES_BYTES,
    MAX_UNPACKED_BYTES,
    ReadLimitedFile,
    SizeLimitedStream,
)


def test_a_stream_ends_in_an_error_where_too_much_comes_out_of_it() -> None:
    stream = SizeLimitedStream(io.BytesIO(b"abc"))
    assert (stream.read(2), stream.read(2), stream.read(2)) == (b"ab", b"c", b"")
    for size in (-1, MAX_UNPACKED_BYTES):
        with pytest.raises(ValueError, match="^it unpacks to more than 1024 MiB$"):
            stream.read(size)


def test_names_are_read_up_to_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "names"
    with path.open("wb") as file:
        file.truncate(MAX_ARCHIVE_NAMES_BYTES + 1)
    with ReadLimitedFile(path) as file:
        assert len(file.read(10)) == 10
        file.seek(0)
        with pytest.raises(ValueError, match="^its names take more than 16 MiB$"):
            file.read()
