"""What editors read of an answer in llama.cpp's form."""

from starcoder_cli.wire.llamacpp_responses import (
    InfillStyle,
    props_record,
    select_fields,
    slot_record,
    timings_record,
)
from starcoder_cli.wire.responses import Choice, ResponseInfo, Usage

INFO = ResponseInfo("cmpl-1", "m", 1)
USAGE = Usage(8, 3, 3, prompt_seconds=0.5, seconds=2.0)
TIMINGS = {
    "cache_n": 3,
    "prompt_n": 5,
    "prompt_ms": 500.0,
    "prompt_per_token_ms": 100.0,
    "prompt_per_second": 10.0,
    "predicted_n": 3,
    "predicted_ms": 1500.0,
    "predicted_per_token_ms": 500.0,
    "predicted_per_second": 2.0,
}


def test_what_an_editor_reads() -> None:
    style = InfillStyle()
    assert style.full_record(INFO, [Choice(0, "ab", "length")], USAGE) == {
        "index": 0,
        "content": "ab",
        "stop": True,
        "tokens_predicted": 3,
        "tokens_evaluated": 8,
        "model": "m",
        "stop_type": "limit",
        "truncated": False,
        "tokens_cached": 11,
        "timings": TIMINGS,
    }
    part = style.chunk_record(INFO, Choice(0, "a"), Usage(truncated=True))
    assert part["stop"] is False and "truncated" not in part
    assert style.usage_record(INFO, USAGE) == {}


def test_several_answers_are_a_list() -> None:
    whole = InfillStyle().full_record(INFO, [Choice(0, "a", "stop"), Choice(1, "b", "stop")], USAGE)
    assert isinstance(whole, list) and [each["content"] for each in whole] == ["a", "b"]


def test_nothing_written_takes_no_time_for_each_token() -> None:
    record = timings_record(Usage())
    assert record["predicted_per_token_ms"] == record["prompt_per_second"] == 0.0


def test_a_client_reads_the_fields_that_it_names() -> None:
    record = {"content": "a", "timings": {"prompt_n": 5, "prompt_ms": None}, "stop": False}
    assert select_fields(record, ["content", "stop"]) == {"content": "a", "stop": False}
    assert select_fields(record, ["timings/prompt_n"]) == {"timings/prompt_n": 5}
    assert select_fields(record, ["", "a/b", "content/x", "timings/prompt_ms"]) == {}


def test_what_a_server_says_of_itself() -> None:
    record = props_record("m", 4096, 2)
    assert record["default_generation_settings"] == {"n_ctx": 4096}
    assert (record["total_slots"], record["model_alias"]) == (2, "m")
    assert slot_record(1, 4096, True) == {"id": 1, "n_ctx": 4096, "is_processing": True}
