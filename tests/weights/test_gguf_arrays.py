"""Arrays of the metadata, as the library of the format reads them."""

from pathlib import Path

import pytest
from gguf import GGUFReader

from ggufs import tiny
from starcoder_cli.weights.gguf import read_gguf_header
from starcoder_cli.weights.gguf_arrays import read_gguf_array


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a tiny model with a vocabulary."""
    (tmp_path / "tiny.gguf").write_bytes(tiny())
    return tmp_path / "tiny.gguf"


def test_each_array_is_what_the_library_reads(path: Path) -> None:
    header, library = read_gguf_header(path), GGUFReader(path)
    arrays = {name for name, field in library.fields.items() if len(field.types) > 1}
    assert header.arrays.keys() == arrays
    assert "tokenizer.ggml.tokens" in arrays and "tokenizer.ggml.token_type" in arrays
    for name in arrays:
        assert read_gguf_array(path, header, name) == library.fields[name].contents()


def test_an_array_that_is_not_there_is_empty(path: Path) -> None:
    assert read_gguf_array(path, read_gguf_header(path), "tokenizer.ggml.none") == []
