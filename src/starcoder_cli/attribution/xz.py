"""Read xz-compressed files in bounded memory.

Each stream of such a file declares the memory needed to read it, which may be gigabytes for a few
kilobytes. Streams may follow each other, with zero bytes between and after them.
"""

from io import RawIOBase
from lzma import LZMADecompressor, LZMAError
from pathlib import Path

MAX_XZ_MEMORY_BYTES = 128 << 20  # `xz -9` takes 65 MiB
XZ_CHUNK_BYTES = 64 << 10
XZ_PADDING = b"\0"


class XzStream(RawIOBase):
    """The contents of a compressed file.

    Reading raises LZMAError if they are damaged or take too much memory, and EOFError if the file
    is truncated.
    """

    def __init__(self, path: Path) -> None:
        self._decompressor = LZMADecompressor(memlimit=MAX_XZ_MEMORY_BYTES)
        self._file = path.open("rb")

    def close(self) -> None:
        """Close the file as well."""
        self._file.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; empty at the end."""
        data = b""
        while not data and size:
            if not self._decompressor.eof:
                wanted = XZ_CHUNK_BYTES if self._decompressor.needs_input else 0
                chunk = self._file.read(wanted)
                if wanted and not chunk:
                    raise EOFError("it was cut off")
            elif chunk := self._read_behind_stream():
                self._decompressor = LZMADecompressor(memlimit=MAX_XZ_MEMORY_BYTES)
            else:
                break
            data = self._decompress(chunk, size)
        return data

    def _read_behind_stream(self) -> bytes:
        """The start of the next stream; empty if there is none."""
        chunk = self._decompressor.unused_data or self._file.read(XZ_CHUNK_BYTES)
        while chunk and not (rest := chunk.lstrip(XZ_PADDING)):
            chunk = self._file.read(XZ_CHUNK_BYTES)
        return rest if chunk else b""

    def _decompress(self, chunk: bytes, size: int) -> bytes:
        try:
            return self._decompressor.decompress(chunk, size)
        except LZMAError as error:
            if "Memory" not in str(error):  # the module has one class for all errors
                raise
            raise LZMAError(
                f"it takes more than {MAX_XZ_MEMORY_BYTES >> 20} MiB of memory to unpack"
            ) from error
