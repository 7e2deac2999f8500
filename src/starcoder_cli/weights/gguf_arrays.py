"""Read the arrays in a GGUF file's metadata, such as its vocabulary."""

import mmap
import struct
from pathlib import Path

from starcoder_cli.weights.gguf import SCALAR_CODES, STRING_TYPE, GgufHeader


def read_gguf_array(path: Path, header: GgufHeader, key: str) -> list[str] | list[int | float]:
    """Read an array of a file with a checked header; empty if it is missing.

    Bytes that are not UTF-8 are replaced.
    """
    if key not in header.arrays:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        value_type, length = struct.unpack_from("<IQ", data, header.arrays[key])
        offset = header.arrays[key] + struct.calcsize("<IQ")
        if value_type != STRING_TYPE:
            return list(struct.unpack_from(f"<{length}{SCALAR_CODES[value_type]}", data, offset))
        texts = list[str]()
        unpack = struct.Struct("<Q").unpack_from
        for _ in range(length):
            begin = offset + 8
            offset = begin + unpack(data, offset)[0]
            texts.append(data[begin:offset].decode(errors="replace"))
        return texts
