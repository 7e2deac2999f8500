"""What an index tells of its files: packed small, and checked when it is unpacked."""

import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repositories import lay
from starcoder_cli.attribution.index import open_index_readonly
from starcoder_cli.attribution.ingest import add_source
from starcoder_cli.attribution.records import (
    MAX_DECOMPRESSED_BYTES,
    IndexedFile,
    IndexedFiles,
    compress,
    decode_line_ends,
    decompress,
    encode_line_counts,
    line_of_token,
    shorten_hashes,
)
from starcoder_cli.attribution.tokens import lexical_syntax_of, tokenize_code
from starcoder_cli.errors import DataError


def test_what_is_read_is_what_was_indexed(tmp_path: Path) -> None:
    code = b"one = 1\n\ntwo = 2\n"
    lay(tmp_path / "a", {"src/a.py": code.decode(), "package.json": '{"name":"b","version":"3"}'})
    add_source(tmp_path / "a", "MIT", tmp_path / "index")
    with open_index_readonly(tmp_path / "index") as connection:
        files = IndexedFiles(connection, tmp_path / "index")
        found = files.get(1)
        assert found == IndexedFile(str(tmp_path / "a"), "b", "3", "src/a.py", "MIT")
        assert found.project_key == (str(tmp_path / "a"), "b", "3")
        assert files.line_ends(1) == [3, 3, 6, 6]
        tokens = tokenize_code(code, lexical_syntax_of("python"))
        assert files.short_hashes(1) == shorten_hashes(tokens.hashes)


def test_a_file_that_is_missing_is_damage(tmp_path: Path) -> None:
    lay(tmp_path / "a", {"a.py": "a"})
    add_source(tmp_path / "a", "", tmp_path / "index")
    with open_index_readonly(tmp_path / "index") as connection:
        files = IndexedFiles(connection, tmp_path / "index")
        for ask in (files.get, files.short_hashes, files.line_ends):
            with pytest.raises(DataError) as caught:
                ask(7)
            assert caught.value.message == f"{tmp_path / 'index'} is damaged: file 7: it is missing"


def test_of_a_hash_the_lower_half_is_kept_the_same_on_every_machine() -> None:
    assert shorten_hashes([0x12345678, 0xFF, 0x10000]) == b"\x78\x56\xff\x00\x00\x00"
    assert shorten_hashes([]) == b""


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@settings(deadline=None)
@given(counts=st.lists(st.sampled_from([0, 1, 2, 254, 255, 256, 510, 700]), min_size=1, max_size=8))
def test_the_line_of_each_token_is_known_again(end: bytes, counts: list[int]) -> None:
    """A byte a line, and one more for each 255 tokens of it."""
    data = end.join(b"x " * count for count in counts)
    starts = [at for at, byte in enumerate(data) if byte == ord("x")]
    encoded = encode_line_counts(data, [(start, start + 1) for start in starts])
    assert len(encoded) == len(counts) + sum(count // 255 for count in counts)
    line_ends = decode_line_ends(encoded)
    assert line_ends == [sum(counts[: at + 1]) for at in range(len(counts))]
    lines = [line for line, count in enumerate(counts, 1) for _ in range(count)]
    assert [line_of_token(line_ends, token) for token in range(len(starts))] == lines


@settings(deadline=None)
@given(st.binary(max_size=500))
def test_what_was_compressed_is_had_again(data: bytes) -> None:
    assert decompress(compress(data)) == data


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        ("text", "no bytes"),
        (None, "no bytes"),
        (b"", "incomplete, or too large"),
        (compress(b"abc")[:-1], "incomplete, or too large"),
        (zlib.compress(bytes(MAX_DECOMPRESSED_BYTES + 1)), "incomplete, or too large"),
        (b"abc", "Error -3 while decompressing data: incorrect header check"),
    ],
    ids=["text", "nothing", "empty", "cut off", "bomb", "other"],
)
def test_what_is_not_sound_is_not_decompressed(blob: object, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        decompress(blob)
    assert str(caught.value) == reason
