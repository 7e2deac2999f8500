"""What the user agreed to is remembered, and never assumed."""

import json
from pathlib import Path

import pytest

from starcoder_cli.catalog import DEFAULT, find
from starcoder_cli.errors import CreateError
from starcoder_cli.models.consent import agree, agreed, file_path, remind, reminded, unaccepted
from starcoder_cli.models.licences import BIGCODE
from starcoder_cli.models.licences import find as licence


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is remembered yet."""
    folder = tmp_path / "data" / "starcoder"
    monkeypatch.setenv("STARCODER_DATA_DIR", str(folder))
    return folder


def test_one_yes_covers_every_model_under_the_same_text(folder: Path) -> None:
    names = ("starcoder", "starcoder2-3b-gguf", "bigcode/octocoder")
    assert [unaccepted(find(name)) for name in names] == [BIGCODE] * 3
    agree(BIGCODE)
    assert [unaccepted(find(name)) for name in names] == [None] * 3
    assert unaccepted(find("codegemma-2b")) == licence("Gemma")
    assert [path.name for path in folder.iterdir()] == ["licences.json"]
    assert json.loads(file_path().read_bytes()) == {
        "agreed": ["bigcode-openrail-m-v1"],
        "reminded": [],
    }


@pytest.mark.parametrize("name", [DEFAULT, "deepseek-coder-1.3b", "owner/name", "echo"])
def test_other_licences_need_no_yes(name: str) -> None:
    assert unaccepted(find(name)) is None


def test_a_reminder_is_no_yes() -> None:
    remind(BIGCODE)
    assert (reminded(BIGCODE), agreed(BIGCODE)) == (True, False)
    agree(BIGCODE)
    assert (reminded(BIGCODE), agreed(BIGCODE)) == (True, True)


def test_agreeing_twice_changes_nothing() -> None:
    agree(BIGCODE)
    before = file_path().read_bytes()
    agree(BIGCODE)
    assert file_path().read_bytes() == before


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b'{"agreed": ["bigcode-openrail-m-v1"',
        b'["bigcode-openrail-m-v1"]',
        b'{"agreed": "bigcode-openrail-m-v1"}',
        b'{"agreed": true}',
        b'{"agreed": [["bigcode-openrail-m-v1"]]}',
        b'\xff{"agreed": ["bigcode-openrail-m-v1"]}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_counts_as_no_and_can_be_replaced(folder: Path, damaged: bytes) -> None:
    folder.mkdir(parents=True)
    file_path().write_bytes(damaged)
    assert not agreed(BIGCODE)
    agree(BIGCODE)
    assert agreed(BIGCODE)


def test_where_nothing_can_be_written(folder: Path) -> None:
    folder.parent.write_bytes(b"not a folder")
    with pytest.raises(CreateError) as caught:
        agree(BIGCODE)
    assert str(caught.value) == (
        f"cannot create {file_path()}: Not a directory; set STARCODER_DATA_DIR to another folder"
    )


def test_a_write_that_fails_leaves_no_draft(folder: Path) -> None:
    file_path().mkdir(parents=True)
    with pytest.raises(CreateError):
        agree(BIGCODE)
    assert [path.name for path in folder.iterdir()] == ["licences.json"]
