"""How long a prompt may be by default."""

import pytest

from starcoder_cli.context.reading_limit import (
    ANSWERS_TO_MOVE,
    MAX_PROMPT_TOKENS,
    MAX_REMEMBERED_LIMITS,
    MIN_PROMPT_TOKENS,
    MIN_QUICK_TOKENS,
    ReadingLimit,
    adjust_prompt_limit,
    find_prompt_limit,
    limits_path,
)


def unmeasured() -> float:
    """A measurement that must not take place."""
    raise AssertionError


def read_at(rate: float, times: int = ANSWERS_TO_MOVE) -> int:
    """The limit after some answers that were read at a rate."""
    for _ in range(times):
        adjust_prompt_limit("m", 1000, 1000 / rate)
    return find_prompt_limit("m", unmeasured)


@pytest.mark.parametrize(
    ("rate", "limit"),
    [
        (10.0, MIN_PROMPT_TOKENS),
        (204.0, MIN_PROMPT_TOKENS),
        (205.0, 2048),
        (400.0, 2048),
        (3000.0, 16384),
        (1e9, MAX_PROMPT_TOKENS),
    ],
)
def test_what_is_read_in_ten_seconds_is_measured_once(rate: float, limit: int) -> None:
    assert find_prompt_limit("m", lambda: rate) == limit
    assert find_prompt_limit("m", unmeasured) == limit
    assert find_prompt_limit("other", lambda: 500.0) == 4096


def test_less_is_read_where_nobody_waits_ten_seconds() -> None:
    def tokens(limit: ReadingLimit) -> int:
        return limit.tokens("m", lambda: 500.0)

    assert (tokens(ReadingLimit()), str(ReadingLimit())) == (4096, "about ten seconds")
    assert (tokens(ReadingLimit(2.5)), str(ReadingLimit(2.5))) == (1024, "2.5 seconds")
    assert tokens(ReadingLimit(0.001)) == MIN_QUICK_TOKENS
    assert tokens(ReadingLimit(20.0)) == 8192


def test_no_accident_makes_another_prompt() -> None:
    find_prompt_limit("m", lambda: 500.0)
    for rate in (450.0, 900.0, 1600.0, 210.0):  # within what a busy or an idle moment may do
        assert read_at(rate, 20) == 4096
    for _ in range(20):
        assert read_at(5000.0, ANSWERS_TO_MOVE - 1) == 4096
        assert read_at(10.0, ANSWERS_TO_MOVE - 1) == 4096
    adjust_prompt_limit("m", 100, 0.001)
    adjust_prompt_limit("m", 1000, 0.0)
    assert find_prompt_limit("m", unmeasured) == 4096


def test_a_bad_moment_does_not_count_for_good() -> None:
    assert find_prompt_limit("m", lambda: 1.0) == MIN_PROMPT_TOKENS
    assert read_at(500.0, 1) == MIN_PROMPT_TOKENS
    assert read_at(500.0) == 2048
    assert read_at(500.0, 50) == 2048
    assert read_at(5000.0, 50) == 16384
    assert read_at(1.0, 50) == MIN_PROMPT_TOKENS


def test_what_nobody_asked_for_is_not_remembered() -> None:
    adjust_prompt_limit("m", 1000, 1.0)
    assert not limits_path().exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"m": 2048}', '{"m": [1, 0]}', '{"m": [1e999, 0]}', "[" * 100_000]
)
def test_a_damaged_file_is_as_good_as_none(text: str) -> None:
    limits_path().parent.mkdir(parents=True, exist_ok=True)
    limits_path().write_text(text)
    assert find_prompt_limit("m", lambda: 500.0) == 4096
    assert find_prompt_limit("m", unmeasured) == 4096


def test_the_latest_are_remembered() -> None:
    for number in range(MAX_REMEMBERED_LIMITS + 1):
        find_prompt_limit(f"{number}", lambda: 500.0)
    assert find_prompt_limit("1", unmeasured) == 4096
    with pytest.raises(AssertionError):
        find_prompt_limit("0", unmeasured)
