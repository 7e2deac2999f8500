"""Files that were verified, and copies of them."""

import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from starcoder_cli.models.verified import (
    MAX_REMEMBERED_FILES,
    VerifiedFile,
    record_path,
    verify_file,
)

DATA = b"weights" * 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that has another time than when it was verified."""
    path = tmp_path / "models" / "a.gguf"
    path.parent.mkdir()
    path.write_bytes(DATA)
    return path


@pytest.fixture
def verified(file: Path) -> VerifiedFile:
    """What the file was when it was verified."""
    before = VerifiedFile.of(file, sha256(DATA).hexdigest())
    os.utime(file, (1, 1))
    return before


def test_a_file_with_another_time_is_read_once_and_remembered(
    file: Path, verified: VerifiedFile
) -> None:
    """A models folder that was copied counted as damaged."""
    before = file.parent.stat().st_mtime_ns
    assert verified.is_intact(file)
    assert (file.parent.stat().st_mtime_ns, list(file.parent.iterdir())) == (before, [file])
    file.write_bytes(DATA[:-1] + b"!")
    os.utime(file, (1, 1))  # who forges the time of the record is the user
    assert verified.is_intact(file)


@pytest.mark.parametrize("data", [DATA[:-1] + b"!", DATA[:-1], b""])
def test_other_bytes_are_found(data: bytes, file: Path, verified: VerifiedFile) -> None:
    file.write_bytes(data)
    assert not verified.is_intact(file)
    assert verified.is_intact(file) is False
    assert not record_path().exists()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"x": 1}', "[" * 100_000, None])
def test_without_a_record_it_is_read_each_time(
    text: str | None, file: Path, verified: VerifiedFile
) -> None:
    if text is None:  # nobody can write there
        record_path().parent.parent.mkdir(parents=True, exist_ok=True)
        record_path().parent.write_bytes(b"")
    else:
        record_path().parent.mkdir(parents=True, exist_ok=True)
        record_path().write_text(text)
    assert verified.is_intact(file)
    file.write_bytes(DATA[:-1] + b"!")
    assert not verified.is_intact(file)


def test_a_file_that_changes_after_it_was_remembered_is_read_again(
    file: Path, verified: VerifiedFile
) -> None:
    assert verified.is_intact(file)
    file.write_bytes(DATA[:-1] + b"!")
    os.utime(file, (2, 2))
    assert not verified.is_intact(file)


def test_the_latest_files_are_remembered(file: Path) -> None:
    record_path().parent.mkdir(parents=True)
    record_path().write_text(json.dumps({str(n): {} for n in range(MAX_REMEMBERED_FILES)}))
    assert verify_file(file, sha256(DATA).hexdigest())
    record = json.loads(record_path().read_text())
    assert ("0" in record, "1" in record, str(file) in record) == (False, True, True)
