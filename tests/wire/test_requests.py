"""What clients ask, field by field: what each may be, and the error that names it."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.model import Conversation, Hole, Message, Sampling
from starcoder_cli.prompts.fim import Document
from starcoder_cli.wire.errors import ApiError
from starcoder_cli.wire.requests import CompletionRequest, read_chat, read_completion, read_infill

Read = Callable[[bytes], CompletionRequest]
ROUTES: dict[str, tuple[Read, dict[str, object]]] = {
    "completion": (read_completion, {"prompt": "a"}),
    "chat": (read_chat, {"messages": [{"role": "user", "content": "a"}]}),
    "infill": (read_infill, {"input_prefix": "a", "input_suffix": "b"}),
}
OPENAI = ("completion", "chat")


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
    *((route, "max_tokens", 1, 1_000_000) for route in OPENAI),
    ("chat", "max_completion_tokens", 1, 1_000_000),
    ("infill", "n_predict", -1, 1_000_000),
    *((route, "n", 1, 8) for route in OPENAI),
    *((route, "temperature", 0, 2) for route in ROUTES),
    *((route, "top_p", 0.000001, 1) for route in ROUTES),
    *((route, "seed", 0, 2**32 - 2) for route in OPENAI),
    ("infill", "seed", -1, 2**32 - 2),
    *((route, "presence_penalty", 0, 0) for route in OPENAI),
    *((route, "frequency_penalty", 0, 0) for route in OPENAI),
    ("completion", "logprobs", 0, 1),
    ("completion", "best_of", 1, 1),
    ("chat", "top_logprobs", 0, 0),
    ("infill", "id_slot", -1, 1024),
    ("infill", "n_indent", 0, 1_000_000),
    ("infill", "top_k", -1, 1_000_000),
    ("infill", "min_p", 0, 1),
    ("infill", "t_max_prompt_ms", -1, 10**9),
    ("infill", "t_max_predict_ms", -1, 10**9),
]


@pytest.mark.parametrize(("route", "name", "least", "most"), NUMBERS)
def test_a_number_has_its_limits(route: str, name: str, least: float, most: float) -> None:
    whole = isinstance(least, int) and name not in ("temperature", "min_p")
    step = 1 if whole and "penalty" not in name else 1e-9
    for value in (least, most, *((least + step, most - step) if most > least else ())):
        ask(route, **{name: value})
    for value in (least - step, most + step, -(10**20), 10**20, 10**400):
        assert refused(route, **{name: value}).param == name
    others: tuple[object, ...] = ("1", True, [1], {}, "")
    for wrong in others:
        assert refused(route, **{name: wrong}).param == name


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
@pytest.mark.parametrize(("route", "name"), [row[:2] for row in NUMBERS])
def test_a_number_is_one(route: str, name: str, text: str) -> None:
    read, needed = ROUTES[route]
    data = json.dumps({**needed, name: 0}).replace(f'"{name}": 0', f'"{name}": {text}')
    with pytest.raises(ApiError):
        read(data.encode())


@pytest.mark.parametrize("route", OPENAI)
def test_null_is_as_good_as_nothing(route: str) -> None:
    names = ["model", "max_tokens", "temperature", "top_p", "seed", "n", "stop", "stream", "user"]
    names += ["stream_options", "presence_penalty", "frequency_penalty", "logprobs"]
    assert ask(route, **dict.fromkeys(names)) == ask(route)


@pytest.mark.parametrize("route", ROUTES)
def test_texts_to_stop_at(route: str) -> None:
    assert ask(route, stop="a").stop == ("a",)
    assert ask(route, stop=["a"] * 16).stop == ("a",) * 16
    assert ask(route, stop=["é" * 128]).stop == ("é" * 128,)
    for stop in (["a"] * 17, [""], "", ["é" * 128 + "a"], [1], 1, {"a": 1}, [None]):
        assert str(refused(route, stop=stop).param).startswith("stop")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", ["tools", "foo", "logit_bias", "grammar", "\x1b[31m", "é" * 500])
def test_an_unknown_field_is_named(route: str, name: str) -> None:
    error = refused(route, **{name: 1})
    assert error.code == "unknown_parameter"
    assert error.param and name[:1] in (error.param[0], "\x1b")
    assert "\x1b" not in error.message and len(error.message) < 200


@pytest.mark.parametrize("route", ROUTES)
def test_a_missing_field_is_named(route: str) -> None:
    read, needed = ROUTES[route]
    for name in needed:
        with pytest.raises(ApiError) as caught:
            read(json.dumps({key: needed[key] for key in needed if key != name}).encode())
        assert caught.value.param == name


@pytest.mark.parametrize("name", ["stream", "temperature", "stop", "seed", "n", "echo", "prompt"])
def test_no_value_is_told_again(name: str) -> None:
    error = refused("completion", **{name: [["sentinel"]]})
    assert error.param and error.param.startswith(name)
    assert "sentinel" not in error.message


def test_a_completion_and_a_gap() -> None:
    plain = ask("completion", prompt=["x"])
    assert plain == CompletionRequest(Hole("x"), Sampling(256), raw=True)
    gap = ask("completion", prompt="x", suffix="y", filename="a.py", model="m", user="me")
    assert gap == CompletionRequest(
        Hole("x", "y"), Sampling(256), "m", is_infill=True, filename="a.py"
    )
    assert ask("completion", suffix="y", raw=True).raw
    assert not ask("completion", suffix="").is_infill


def test_everything_that_can_be_asked() -> None:
    asked = ask(
        "completion",
        prompt="x",
        n=2,
        stop=["a", "b"],
        stream=True,
        stream_options={"include_usage": True},
        echo=True,
        logprobs=1,
        seed=3,
        temperature=0.5,
        top_p=0.9,
        max_tokens=5,
    )
    sampling = Sampling(5, 0.5, 0.9, 3, True)
    expected = CompletionRequest(
        Hole("x"), sampling, n=2, stop=("a", "b"), stream=True, include_usage=True
    )
    assert (asked.content, asked.sampling, asked.n) == (Hole("x"), sampling, 2)
    assert (asked.stop, asked.stream, asked.include_usage) == (expected.stop, True, True)
    assert asked.echo


def test_the_gap_of_an_editor() -> None:
    asked = ask(
        "infill",
        input_prefix="a\n",
        prompt="b",
        input_suffix="c",
        input_extra=[{"text": "t", "filename": "f.py", "time": 1.5}, {"text": "u"}],
        n_predict=-1,
        seed=-1,
        samplers=["top_k", "infill"],
        cache_prompt=True,
        response_fields=["content"],
        t_max_predict_ms=1500,
        t_max_prompt_ms=500,
    )
    files = (Document("f.py", "t"), Document("untitled", "u"))
    assert asked == CompletionRequest(
        Hole("a\nb", "c"), Sampling(256), is_infill=True, extra_files=files, time_limit=1.5
    )


def message(role: str, content: object = "x", **more: object) -> dict[str, object]:
    """A message as a client sends it."""
    return {"role": role, "content": content, **more}


def test_a_conversation() -> None:
    parts = [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]
    asked = ask(
        "chat",
        messages=[
            message("system", "a"),
            message("developer", "b"),
            message("user", parts, name="me"),
            message("assistant", "e"),
            message("user", ""),
        ],
        max_tokens=3,
        max_completion_tokens=4,
    )
    said = (Message("user", "cd"), Message("assistant", "e"), Message("user", ""))
    assert asked.content == Conversation("a\nb", said)
    assert asked.sampling.max_tokens == 4
    assert ask("chat").sampling.max_tokens == 512


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([], "messages"),
        ([message("user")] * 1025, "messages"),
        ([message("system")], "messages.0.role"),
        ([message("assistant"), message("user")], "messages.0.role"),
        ([message("user"), message("assistant")], "messages.1.role"),
        ([message("user"), message("system"), message("user")], "messages.1.role"),
        ([message("tool")], "messages.0.role"),
        ([message("user", None)], "messages.0.content"),
        ([message("user", [{"type": "image_url", "text": ""}])], "messages.0.content.0.type"),
        ([message("user", tool_calls=[])], "messages.0.tool_calls"),
        (["x"], "messages.0"),
        ("x", "messages"),
    ],
)
def test_what_is_no_conversation(messages: object, where: str) -> None:
    assert refused("chat", messages=messages).param == where


@given(st.binary(max_size=60) | st.text(st.characters(codec="utf-8"), max_size=60).map(str.encode))
def test_anything_else_is_an_error_of_the_client(data: bytes) -> None:
    for read, _ in ROUTES.values():
        with pytest.raises(ApiError) as caught:
            read(data)
        assert caught.value.status == 400
