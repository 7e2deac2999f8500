"""What the user agreed to is remembered, and never assumed."""

import json
from pathlib import Path

import pytest

from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.errors import CreateError
from starcoder_cli.models.consent import (
    consent_path,
    find_unaccepted_licence,
    has_agreed,
    has_been_reminded,
    record_agreement,
    record_reminder,
)
from starcoder_cli.models.licences import BIGCODE
from starcoder_cli.models.licences import find_licence as licence


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nothing is remembered yet."""
    folder = tmp_path / "data" / "starcoder"
    monkeypatch.setenv("STARCODER_DATA_DIR", str(folder))
    return folder


def test_one_yes_covers_every_model_under_the_same_text(folder: Path) -> None:
    names = ("starcoder", "starcoder2-3b-gguf", "bigcode/octocoder")
    assert [find_unaccepted_licence(find_model(name)) for name in names] == [BIGCODE] * 3
    record_agreement(BIGCODE)
    assert [find_unaccepted_licence(find_model(name)) for name in names] == [None] * 3
    assert find_unaccepted_licence(find_model("codegemma-2b")) == licence("Gemma")
    assert [path.name for path in folder.iterdir()] == ["licences.json"]
    assert json.loads(consent_path().read_bytes()) == {
        "agreed": ["bigcode-openrail-m-v1"],
        "reminded": [],
    }


@pytest.mark.parametrize("name", [SMALL_MODEL, "deepseek-coder-1.3b", "owner/name", "echo"])
def test_other_licences_need_no_yes(name: str) -> None:
    assert find_unaccepted_licence(find_model(name)) is None


def test_a_reminder_is_no_yes() -> None:
    record_reminder(BIGCODE)
    assert (has_been_reminded(BIGCODE), has_agreed(BIGCODE)) == (True, False)
    record_agreement(BIGCODE)
    assert (has_been_reminded(BIGCODE), has_agreed(BIGCODE)) == (True, True)


def test_agreeing_twice_changes_nothing() -> None:
    record_agreement(BIGCODE)
    before = consent_path().read_bytes()
    record_agreement(BIGCODE)
    assert consent_path().read_bytes() == before


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
    consent_path().write_bytes(damaged)
    assert not has_agreed(BIGCODE)
    record_agreement(BIGCODE)
    assert has_agreed(BIGCODE)


def test_where_nothing_can_be_written(folder: Path) -> None:
    folder.parent.write_bytes(b"not a folder")
    with pytest.raises(CreateError) as caught:
        record_agreement(BIGCODE)
    assert str(caught.value) == (
        f"cannot create {consent_path()}: Not a directory; set STARCODER_DATA_DIR to another folder"
    )


def test_a_write_that_fails_leaves_no_draft(folder: Path) -> None:
    consent_path().mkdir(parents=True)
    with pytest.raises(CreateError):
        record_agreement(BIGCODE)
    assert [path.name for path in folder.iterdir()] == ["licences.json"]
