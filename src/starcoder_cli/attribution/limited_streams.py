"""Streams of an archive that fail if it asks for more memory or time than any needs."""

from io import FileIO, RawIOBase
from typing import IO

from starcoder_cli.attribution.xz import XzStream

MAX_UNPACKED_BYTES = 1 << 30
MAX_ARCHIVE_NAMES_BYTES = 16 << 20


class ReadLimitedFile(FileIO):
    """A file that limits each read to what an archive's names may take."""

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes."""
        wanted = MAX_ARCHIVE_NAMES_BYTES + 1 if size is None or size < 0 else size
        data = super().read(min(wanted, MAX_ARCHIVE_NAMES_BYTES + 1)) or b""
        if len(data) > MAX_ARCHIVE_NAMES_BYTES:
            raise ValueError(f"its names take more than {MAX_ARCHIVE_NAMES_BYTES >> 20} MiB")
        return data


class SizeLimitedStream(RawIOBase):
    """A stream that fails if more than MAX_UNPACKED_BYTES are read from it."""

    def __init__(self, stream: IO[bytes] | XzStream) -> None:
        self._stream = stream
        self._remaining = MAX_UNPACKED_BYTES

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if size < 0 or size > self._remaining:
            raise ValueError(f"it unpacks to more than {MAX_UNPACKED_BYTES >> 20} MiB")
        data = self._stream.read(size)
        self._remaining -= len(data)
        return data
