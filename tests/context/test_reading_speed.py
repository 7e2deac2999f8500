"""How fast a model turned out to read."""

import json
from pathlib import Path

import pytest

from starcoder_cli.context.reading_speed import (
    DEFAULT_TOKENS_PER_SECOND,
    MAX_REMEMBERED_MODELS,
    MAX_TOKENS_PER_SECOND,
    MIN_MEASURED_TOKENS,
    MIN_TOKENS_PER_SECOND,
    record_reading,
    speeds_path,
    tokens_per_second,
)


def test_a_speed_is_remembered_and_the_latest_counts_half() -> None:
    assert tokens_per_second("m") == DEFAULT_TOKENS_PER_SECOND
    record_reading("m", 1000, 2.0)
    assert tokens_per_second("m") == 500.0
    record_reading("m", 1000, 1.0)
    assert (tokens_per_second("m"), tokens_per_second("other")) == (
        750.0,
        DEFAULT_TOKENS_PER_SECOND,
    )
    record_reading("m", MIN_MEASURED_TOKENS - 1, 1.0)
    record_reading("m", 1000, 0.0)
    assert tokens_per_second("m") == 750.0
    assert [path.name for path in speeds_path().parent.iterdir()] == ["speeds.json"]


def test_few_models_are_remembered() -> None:
    for number in range(MAX_REMEMBERED_MODELS + 5):
        record_reading(f"m{number}", 1000, 1.0)
    assert len(json.loads(speeds_path().read_bytes())) == MAX_REMEMBERED_MODELS
    assert (tokens_per_second("m4"), tokens_per_second("m5")) == (DEFAULT_TOKENS_PER_SECOND, 1000.0)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"[", b"[1]", b"\xff", b'{"m": []}', b'{"m": "fast"}', b'{"m": 0}', b'{"m": 1e999}'],
)
def test_a_damaged_file_says_nothing_and_is_replaced(damaged: bytes) -> None:
    speeds_path().parent.mkdir(parents=True)
    speeds_path().write_bytes(damaged)
    assert tokens_per_second("m") == DEFAULT_TOKENS_PER_SECOND
    record_reading("m", 1000, 2.0)
    assert tokens_per_second("m") == 500.0


def test_where_nothing_can_be_written_nothing_is_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STARCODER_DATA_DIR", str(tmp_path / "file" / "data"))
    record_reading("m", 1000, 2.0)
    assert tokens_per_second("m") == DEFAULT_TOKENS_PER_SECOND


def test_the_models_that_answered_last_are_remembered() -> None:
    for number in range(MAX_REMEMBERED_MODELS):
        record_reading(f"m{number}", 1000, 1.0)
    record_reading("m0", 1000, 1.0)
    record_reading("new", 1000, 1.0)
    assert list(json.loads(speeds_path().read_bytes())) == [
        *(f"m{number}" for number in range(2, MAX_REMEMBERED_MODELS)),
        "m0",
        "new",
    ]


def test_a_speed_that_cannot_be_is_the_nearest_that_can() -> None:
    record_reading("slow", 1000, 1e9)
    record_reading("fast", 1000, 1e-9)
    assert (tokens_per_second("slow"), tokens_per_second("fast")) == (
        MIN_TOKENS_PER_SECOND,
        MAX_TOKENS_PER_SECOND,
    )
