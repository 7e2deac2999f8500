"""Small files of the program's own."""

from pathlib import Path

import pytest

from starcoder_cli.files.small import replace_text


def test_a_text_is_replaced_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    for text in ("one é\n", ""):
        replace_text(path, text)
        assert path.read_bytes() == text.encode()
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    replace_text(path, "before")
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "half \ud800")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("before", [path])
