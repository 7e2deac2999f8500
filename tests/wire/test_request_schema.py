"""What the requests of all routes have in common: what is read over, and what is an error."""

import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.llamacpp_requests import read_infill, read_llama_completion
from starcoder_cli.wire.openai_requests import read_chat, read_completion, read_fim
from starcoder_cli.wire.request_schema import NO_TOOLS, TOOL_CHOICES
from starcoder_cli.wire.requests import CompletionRequest
from starcoder_cli.wire.tgi import read_generate

Read = Callable[[bytes], CompletionRequest]
ROUTES: Mapping[str, tuple[Read, Mapping[str, object]]] = {
    "completion": (read_completion, {"prompt": "a"}),
    "chat": (read_chat, {"messages": [{"role": "user", "content": "a"}]}),
    "fim": (read_fim, {"prompt": "a"}),
    "infill": (read_infill, {"input_prefix": "a", "input_suffix": "b"}),
    "llama": (read_llama_completion, {"prompt": "a"}),
    "tgi": (read_generate, {"inputs": "a"}),
}
OPENAI = ("completion", "chat", "fim")
LLAMACPP = ("infill", "llama")


def ask(route: str, **fields: object) -> CompletionRequest:
    """What a request asks that has these fields too."""
    read, needed = ROUTES[route]
    return read(json.dumps({**needed, **fields}).encode())


def refused(route: str, **fields: object) -> ApiError:
    """The error that such a request is."""
    with pytest.raises(ApiError) as caught:
        ask(route, **fields)
    assert caught.value.status == 400
    return caught.value


NUMBERS: list[tuple[str, str, float, float]] = [
    *((route, "max_tokens", 0, 10**9) for route in OPENAI),
    ("chat", "max_completion_tokens", 0, 10**9),
    *((route, "n_predict", -2, 10**9) for route in LLAMACPP),
    *((route, "n", 1, 8) for route in OPENAI),
    *((route, "n_cmpl", 1, 8) for route in LLAMACPP),
    *((route, "temperature", 0, 2) for route in (*OPENAI, *LLAMACPP)),
    *((route, "top_p", 0, 1) for route in (*OPENAI, *LLAMACPP)),
    *((route, "seed", -(2**64), 2**64) for route in (*OPENAI, *LLAMACPP)),
    ("completion", "logprobs", 0, 5),
    ("chat", "top_logprobs", 0, 20),
    *((route, "t_max_prompt_ms", -1, 10**9) for route in LLAMACPP),
    *((route, "t_max_predict_ms", -1, 10**9) for route in LLAMACPP),
]
FRACTIONS = ("temperature", "top_p", "t_max_prompt_ms", "t_max_predict_ms")


@pytest.mark.parametrize(("route", "name", "least", "most"), NUMBERS)
def test_a_number_has_its_limits(route: str, name: str, least: float, most: float) -> None:
    step = 1e-9 if name in FRACTIONS[:2] else 1
    for value in (least, most):
        ask(route, **{name: value})
    for value in (least - step, most + step, -(10**20), 10**20, 10**400):
        assert refused(route, **{name: value}).param == name
    others: tuple[object, ...] = ("1", True, [1], {"a": 1}, "")
    for wrong in others:
        assert refused(route, **{name: wrong}).param == name


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
@pytest.mark.parametrize(("route", "name"), [row[:2] for row in NUMBERS])
def test_a_number_is_one(route: str, name: str, text: str) -> None:
    read, needed = ROUTES[route]
    data = json.dumps({**needed, name: 0}).replace(f'"{name}": 0', f'"{name}": {text}')
    with pytest.raises(ApiError):
        read(data.encode())


NULLS = [
    "model",
    "max_tokens",
    "max_completion_tokens",
    "n_predict",
    "temperature",
    "top_p",
    "seed",
    "n",
    "n_cmpl",
    "stop",
    "stream",
    "stream_options",
    "suffix",
    "echo",
    "logprobs",
    "top_logprobs",
    "user",
    "tools",
    "tool_choice",
    "response_format",
    "input_extra",
    "t_max_prompt_ms",
    "response_fields",
    "samplers",
    "parameters",
    "foo",
]


@pytest.mark.parametrize("route", ROUTES)
def test_null_is_as_good_as_nothing(route: str) -> None:
    assert ask(route, **dict.fromkeys(NULLS)) == ask(route)
    nested: dict[str, dict[str, object]] = {
        "chat": {"messages": [{"role": "user", "content": "a", "name": None, "tool_calls": None}]},
        "completion": {"stream_options": {"include_usage": None}},
        "infill": {"input_extra": [{"text": "t", "filename": None, "time": None}]},
    }
    fields = nested.get(route, {})
    without_nulls = {"input_extra": [{"text": "t"}]} if route == "infill" else {}
    assert ask(route, **fields) == ask(route, **without_nulls)


HARMLESS: Mapping[str, object] = {
    "tools": [],
    "functions": [],
    "tool_choice": "none",
    "function_call": "auto",
    "response_format": {"type": "text"},
    "modalities": ["text"],
    "grammar": "",
    "json_schema": {},
    "store": True,
    "metadata": {"a": "b"},
    "parallel_tool_calls": False,
    "user": "x" * 10_000,
    "service_tier": "auto",
    "cache_prompt": False,
    "id_slot": 3,
    "n_indent": 4,
    "presence_penalty": 0,
    "frequency_penalty": 0.0,
    "logit_bias": {},
    "top_k": -1,
}


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("route", ROUTES)
def test_a_field_that_changes_nothing_is_not_even_told(route: str, name: str) -> None:
    assert ask(route, **{name: HARMLESS[name]}) == ask(route)


@pytest.mark.parametrize("route", ROUTES)
def test_a_way_to_sample_that_is_not_here_is_told_once(route: str) -> None:
    asked = ask(route, presence_penalty=0.5, xtc_probability=0.1, logit_bias={"5": 1})
    (warning,) = asked.warnings
    assert warning == "not used here: logit_bias, presence_penalty, xtc_probability"
    odd = ask(route, **{"\x1b[31m": 1, "é" * 500: 1, **{f"x{at}": 1 for at in range(40)}})
    (warning,) = odd.warnings
    assert warning.isprintable() and warning.endswith(" more") and len(warning) < 2000


OTHER_MEANINGS: Mapping[str, object] = {
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "functions": [{"name": "f"}],
    "tool_choice": "required",
    "function_call": {"name": "f"},
    "response_format": {"type": "json_object"},
    "modalities": ["text", "audio"],
    "audio": {"voice": "x"},
    "grammar": "root ::= .",
    "json_schema": {"type": "object"},
    "image_data": [{"data": "x"}],
    "web_search_options": {"a": 1},
}


@pytest.mark.parametrize("name", OTHER_MEANINGS)
@pytest.mark.parametrize("route", ROUTES)
def test_what_would_change_the_meaning_is_named(route: str, name: str) -> None:
    error = refused(route, **{name: OTHER_MEANINGS[name]})
    assert (error.param, error.code) == (name, "unsupported_parameter")
    plain = f"{name} is not supported here: leave it out"
    assert error.message == (NO_TOOLS if name in TOOL_CHOICES else plain)


def test_tools_that_are_not_to_be_used_are_harmless() -> None:
    assert ask("chat", tools=OTHER_MEANINGS["tools"], tool_choice="none") == ask("chat")
    assert ask("chat", functions=[{"name": "f"}], function_call="none") == ask("chat")


@pytest.mark.parametrize("route", [*OPENAI, *LLAMACPP])
def test_texts_to_stop_at(route: str) -> None:
    assert ask(route, stop="a").stop == ("a",)
    assert ask(route, stop=["a"] * 128).stop == ("a",) * 128
    assert ask(route, stop=["é" * 128]).stop == ("é" * 128,)
    assert ask(route, stop=["", "a"]).stop == ("a",)
    assert ask(route, stop="").stop == ask(route, stop=[]).stop == ()
    for stop in (["a"] * 129, ["é" * 128 + "a"], [1], 1, {"a": 1}, [None]):
        assert str(refused(route, stop=stop).param).startswith("stop")


@pytest.mark.parametrize("route", ROUTES)
def test_a_missing_field_is_named(route: str) -> None:
    read, needed = ROUTES[route]
    for name in needed:
        with pytest.raises(ApiError) as caught:
            read(json.dumps({key: needed[key] for key in needed if key != name}).encode())
        assert caught.value.param == name


@given(
    st.sampled_from([*ROUTES]),
    st.sampled_from(["model", "stop", "stream", "prompt", "messages", "seed", "input_extra"]),
    st.just("sentinel") | st.text(min_size=1).map(lambda text: f"sentinel{text}"),
)
@settings(deadline=None)
def test_no_value_is_ever_told_again(route: str, name: str, value: str) -> None:
    read, needed = ROUTES[route]
    try:
        told = str(read(json.dumps({**needed, name: {"inner": [value]}}).encode()).warnings)
    except ApiError as error:
        told = f"{error.message}{error.param}"
    assert "sentinel" not in told


@pytest.mark.parametrize("route", [*OPENAI, *LLAMACPP])
def test_a_seed_is_any_whole_number(route: str) -> None:
    assert ask(route, seed=7).sampling.seed == 7
    assert ask(route, seed=-1).sampling.seed is None
    assert ask(route, seed=2**32 + 4).sampling.seed == 5


@given(st.binary(max_size=60) | st.text(st.characters(codec="utf-8"), max_size=60).map(str.encode))
def test_anything_else_is_an_error_of_the_client(data: bytes) -> None:
    for read, _ in ROUTES.values():
        with pytest.raises(ApiError) as caught:
            read(data)
        assert caught.value.status == 400
