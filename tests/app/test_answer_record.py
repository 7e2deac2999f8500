"""A whole answer as a value, and as the JSON object that `--json` prints."""

import json

from starcoder_cli.app.answer_record import Answer, Seconds, TokenCounts
from starcoder_cli.app.request import Request
from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Completion

SPEC = find_model(SMALL_MODEL)
REQUEST = Request(SMALL_MODEL, Sampling(temperature=0.5, seed=7))
COMPLETION = Completion(
    "x = 1\n",
    "length",
    tokens=4,
    prompt_tokens=30,
    trimmed=("prose",),
    first_token_seconds=0.12345,
    seconds=1.0004,
    cached_tokens=20,
)
ANSWER = Answer(
    "x = 1\n",
    "length",
    TokenCounts(30, 20, 4),
    Seconds(0.4, 0.123, 1.401),
    SMALL_MODEL,
    "openvino",
    7,
)
BARE = {
    "text": "x = 1\n",
    "reason": "length",
    "tokens": {"prompt": 30, "cached": 20, "completion": 4},
    "seconds": {"load": 0.4, "first_token": 0.123, "total": 1.401},
    "model": SMALL_MODEL,
    "engine": "openvino",
    "seed": 7,
}


def test_an_answer_tells_what_it_cost_with_its_seconds_rounded_once() -> None:
    """The whole time is rounded as a sum: 0.4004 s and 1.0004 s are 1.401 s."""
    assert Answer.of(COMPLETION, SPEC, "openvino", REQUEST, 0.4004) == ANSWER


def test_a_model_that_was_loaded_already_took_no_time_to_load() -> None:
    answer = Answer.of(COMPLETION, SPEC, "openvino", REQUEST)
    assert answer.seconds == Seconds(0.0, 0.123, 1.0)


def test_what_nothing_is_known_of_is_left_out_of_the_record() -> None:
    assert ANSWER.record() == BARE
    assert list(ANSWER.record()) == list(BARE)


def test_what_is_known_to_be_none_is_in_the_record() -> None:
    answer = Answer(**{**vars(ANSWER), "trimmed": (), "context": [], "candidates": []})
    assert answer.record() == {**BARE, "candidates": [], "trimmed": [], "context": []}


def test_everything_that_can_be_told_is_json() -> None:
    more = {
        "candidates": [{"text": "x = 1\n", "seed": None}],
        "trimmed": ("prose", "fence"),
        "context": [{"path": "a.py", "lines": [1, 2], "tokens": 9}],
        "notices": {"provenance": None, "trace": {"share": 0.0}},
        "notes": ("people are told",),
    }
    record = Answer(**{**vars(ANSWER), **more}).record()
    assert json.loads(json.dumps(record)) == {
        **BARE,
        "candidates": [{"text": "x = 1\n", "seed": None}],
        "trimmed": ["prose", "fence"],
        "context": [{"path": "a.py", "lines": [1, 2], "tokens": 9}],
        "provenance": None,
        "trace": {"share": 0.0},
    }
