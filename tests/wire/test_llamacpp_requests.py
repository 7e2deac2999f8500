"""What editors ask in llama.cpp's form."""

import json

import pytest

from starcoder_cli.model import Hole, Sampling
from starcoder_cli.prompts.fim import Document
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.llamacpp_requests import read_infill, read_llama_completion, read_tokenize
from starcoder_cli.wire.requests import CompletionRequest


def infill(**fields: object) -> CompletionRequest:
    """What the body of an infill asks."""
    needed = {"input_prefix": "a\n", "input_suffix": "c"}
    return read_infill(json.dumps({**needed, **fields}).encode())


def test_the_gap_of_an_editor() -> None:
    asked = infill(
        prompt="b",
        input_extra=[
            {"text": "t", "filename": "f.py", "time": [156, 1687669819]},
            {"text": "u", "time": 1764367000000},
        ],
        n_predict=16,
        n_cmpl=3,
        n_indent=4,
        id_slot=0,
        seed=-1,
        top_k=40,
        top_p=0.99,
        samplers=["top_k", "top_p", "infill"],
        cache_prompt=True,
        stop=[],
        response_fields=["content", "timings/prompt_n"],
        t_max_predict_ms=1500,
        t_max_prompt_ms=500,
        model="",
    )
    assert asked == CompletionRequest(
        (Hole("a\nb", "c"),),
        Sampling(top_p=0.99),
        16,
        n=3,
        is_infill=True,
        extra_files=(Document("f.py", "t"), Document("untitled", "u")),
        reading_limit=0.5,
        time_limit=1.5,
        response_fields=("content", "timings/prompt_n"),
    )


@pytest.mark.parametrize(
    ("fields", "max_tokens"),
    [({}, 256), ({"n_predict": -1}, 256), ({"n_predict": 0}, 0), ({"max_tokens": 7}, 7)],
)
def test_how_much_is_written(fields: dict[str, object], max_tokens: int) -> None:
    assert infill(**fields).max_tokens == max_tokens


def test_no_limit_of_time_is_none() -> None:
    for value in (-1, 0, None):
        asked = infill(t_max_predict_ms=value, t_max_prompt_ms=value)
        assert asked.time_limit is asked.reading_limit is None


def test_a_text_to_continue() -> None:
    body = {"prompt": "x", "n_predict": 3, "stream": True, "penalty_last_n": 0}
    assert read_llama_completion(json.dumps(body).encode()) == CompletionRequest(
        (Hole("x"),), Sampling(), 3, stream=True
    )
    with pytest.raises(ApiError, match="prompt"):
        read_llama_completion(b'{"prompt": [1, 2]}')


def test_a_text_whose_tokens_are_told() -> None:
    assert read_tokenize(b'{"content": "a b", "add_special": true}') == "a b"
    with pytest.raises(ApiError, match="content"):
        read_tokenize(b"{}")
