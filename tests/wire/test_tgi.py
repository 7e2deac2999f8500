"""Requests and answers in the form of Text Generation Inference."""

import json

from starcoder_cli.model import Hole, Sampling
from starcoder_cli.wire.requests import CompletionRequest
from starcoder_cli.wire.responses import Choice, ResponseInfo, Usage
from starcoder_cli.wire.tgi import GenerateStyle, read_generate, read_generate_stream

INFO = ResponseInfo("gen-1", "m", 1)


def test_a_generation() -> None:
    body = {
        "inputs": "x",
        "parameters": {
            "max_new_tokens": 16,
            "temperature": 0.2,
            "top_p": 0.95,
            "return_full_text": False,
            "do_sample": True,
            "stop": ["a"],
        },
    }
    asked = CompletionRequest((Hole("x"),), Sampling(256, 0.2, 0.95), 16, stop=("a",))
    assert read_generate(json.dumps(body).encode()) == asked
    assert read_generate_stream(json.dumps(body).encode()).stream
    assert read_generate(b'{"inputs": "x"}').max_tokens == 256


def test_what_is_answered() -> None:
    style, usage = GenerateStyle(), Usage(5, 3, warnings=("w",))
    whole = style.full_record(INFO, [Choice(0, "ab", "length")], usage)
    details = {"finish_reason": "length", "generated_tokens": 3, "seed": None}
    assert whole == {"generated_text": "ab", "details": details, "warnings": ["w"]}
    piece = style.chunk_record(INFO, Choice(0, "a"), Usage(5, 1))
    assert (piece["index"], piece["generated_text"], piece["details"]) == (1, None, None)
    last = style.chunk_record(INFO, Choice(0, "b", "stop", before="a"), Usage(5, 2))
    assert last["generated_text"] == "ab"
    assert last["details"] == {"finish_reason": "eos_token", "generated_tokens": 2, "seed": None}
