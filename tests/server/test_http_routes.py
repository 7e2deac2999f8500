"""What the HTTP API answers, and when it stops: over a socket, as clients see it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from apis import Reply, Server, Slow, local, serving
from serving import tiny_file, until
from starcoder_cli.catalog import find_model
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.loading import LoadOptions
from starcoder_cli.model import Question, Sampling
from starcoder_cli.server.http_routes import HttpApi
from starcoder_cli.server.metrics import Metrics
from starcoder_cli.server.model_pool import MAX_QUEUED_ANSWERS, MAX_SLOTS, ModelPool
from starcoder_cli.server.offers import ModelOffer
from starcoder_cli.stream import Stream
from starcoder_cli.wire.local_protocol import LoadRequest
from starcoder_cli.wire.openai_requests import read_completion
from starcoder_cli.wire.openai_responses import CompletionStyle

__all__ = ["tiny_file"]

MODEL = "qwen2.5-coder-0.5b"
QUESTION = [{"role": "user", "content": "a"}]
ASKED: dict[str, dict[str, object]] = {
    "/v1/completions": {"prompt": "a"},
    "/v1/chat/completions": {"messages": QUESTION},
    "/infill": {"input_prefix": "a", "input_suffix": "\nb"},
}
COUNTED: dict[str, Callable[[Reply], str]] = {
    "/v1/completions": lambda reply: str(reply.json["choices"][0]["text"]),
    "/v1/chat/completions": lambda reply: str(reply.json["choices"][0]["message"]["content"]),
    "/infill": lambda reply: str(reply.json["content"]),
}


@pytest.fixture(scope="module")
def echo() -> Iterator[Server]:
    """A server whose answers are their prompts."""
    with local(EchoModel()) as server:
        yield server


@pytest.fixture
def slow() -> Slow:
    """A model that counts its tokens."""
    return Slow()


@pytest.fixture
def server(slow: Slow) -> Iterator[Server]:
    """A server with that model."""
    with local(slow) as found:
        yield found


PREFIX, SUFFIX = "<|fim_prefix|>", "<|fim_suffix|>"


def text(reply: Reply) -> str:
    """The text of a completion."""
    assert reply.status == 200, reply.data
    return str(reply.json["choices"][0]["text"])


def test_a_suffix_makes_a_gap_in_the_models_own_spelling(echo: Server) -> None:
    asked = {"prompt": "def f(x):\n    retu", "suffix": "\nf(1)\n", "max_tokens": 50}
    told = text(echo.post("/v1/completions", raw=True, **asked))
    assert told == f"{PREFIX}def f(x):\n   {SUFFIX}\nf(1)\n<|fim_middle|> retu"


def test_without_one_it_is_a_beginning(echo: Server) -> None:
    assert text(echo.post("/v1/completions", prompt="def f(x):\n    retu")) == "def f(x):\n    retu"
    assert text(echo.post("/v1/completions", prompt="a b", suffix="", echo=True)) == "a ba b"
    assert text(echo.post("/v1/completions", prompt="")) == ""


def test_control_tokens_in_a_text_are_text(server: Server, slow: Slow) -> None:
    """The prompt has the family's own tokens marked, and those of the text are not."""
    server.post("/v1/completions", prompt=PREFIX, suffix="<|endoftext|>", max_tokens=1)
    kinds = [(type(piece).__name__, str(piece)) for piece in slow.prompts[-1].pieces]
    assert ("str", "<|endoftext|>") in kinds
    assert [kind for kind, piece in kinds if piece == PREFIX] == ["Special", "str"]


def test_an_answer_ends_where_the_suffix_begins_again(tiny_words: Server) -> None:
    """The same clean-up as that of `fill`; `raw` leaves it away."""
    asked = {"prompt": "x\n", "suffix": "w3 \nw4 \n", "filename": "a.py", "max_tokens": 12}
    assert text(tiny_words.post("/v1/completions", **asked)).splitlines() == ["w0 ", "w1 ", "w2 "]
    whole = text(tiny_words.post("/v1/completions", raw=True, **asked))
    assert whole.count("\n") == 12


@pytest.fixture
def tiny_words() -> Iterator[Server]:
    """A server whose model writes a word on each line."""

    class Lines(Slow):
        """Ends each word with a line."""

        def stream(self, question: Question, sampling: Sampling) -> Stream:
            for chunk in super().stream(question, sampling):
                yield type(chunk)(chunk.text.replace(" ", " \n"), chunk.tokens, chunk.reason)

    with local(Lines(seconds=0)) as found:
        yield found


def test_files_that_are_read_along_stand_before_it(echo: Server) -> None:
    extra = [{"filename": "b.py", "text": "b = 1\n"}, {"filename": "c.py", "text": "c = 1\n"}]
    asked = {"input_prefix": "a = ", "input_suffix": "\n", "prompt": "b", "input_extra": extra}
    reply = echo.post("/infill", filename="a.py", **asked)
    content = str(reply.json["content"])
    assert content.index("b = 1") < content.index("c = 1") < content.index("a =<|fim_suffix|>")
    assert content.endswith("<|fim_middle|> b") and not reply.json["truncated"]
    huge = [{"filename": "d.py", "text": "d" * 4_000_000}]
    assert echo.post("/infill", **{**asked, "input_extra": huge}).json["truncated"]


@pytest.mark.parametrize("path", ASKED)
def test_too_long_a_text_is_cut_but_no_conversation(server: Server, path: str) -> None:
    long = "a\n" * 4000
    asked: dict[str, dict[str, object]] = {
        "/v1/completions": {"prompt": long},
        "/v1/chat/completions": {"messages": [{"role": "user", "content": long}]},
        "/infill": {"input_prefix": long, "input_suffix": long},
    }
    reply = (
        server.post(path, max_tokens=1, **asked[path])
        if path != "/infill"
        else server.post(path, n_predict=1, **asked[path])
    )
    if path == "/v1/chat/completions":
        assert (reply.status, reply.error["code"]) == (400, "context_length_exceeded")
    else:
        assert reply.status == 200
    assert reply.status != 200 or path != "/infill" or reply.json["truncated"]


@pytest.mark.parametrize("path", list(ASKED)[:2])
def test_more_tokens_than_the_window_has_are_fewer(server: Server, path: str) -> None:
    reply = server.post(path, max_tokens=10**6, stop="w1", **ASKED[path])
    assert reply.status == 200
    (warning,) = reply.json["warnings"]
    assert "share a window of 4096" in warning


def test_a_conversation_is_asked_in_the_models_form(echo: Server) -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]
    reply = echo.post("/v1/chat/completions", messages=messages)
    told = reply.json["choices"][0]["message"]
    assert told["role"] == "assistant"
    assert told["content"] == (
        "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("path", ASKED)
def test_a_stream_says_what_the_whole_says(server: Server, path: str) -> None:
    asked = {**ASKED[path], "stop": ["w4"]}
    whole = COUNTED[path](server.post(path, **asked))
    streamed = server.post(path, stream=True, **asked)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    events = [each for each in streamed.events if each != "[DONE]"]
    pieces = {
        "/v1/completions": lambda each: each["choices"][0]["text"],
        "/v1/chat/completions": lambda each: each["choices"][0]["delta"].get("content", ""),
        "/infill": lambda each: each["content"],
    }
    assert "".join(map(pieces[path], events)) == whole == "w0 w1 w2 w3 "
    assert (streamed.events[-1] == "[DONE]") == (path != "/infill")


def test_usage_in_a_stream_where_it_is_asked_for(server: Server) -> None:
    asked = {"prompt": "a", "max_tokens": 3, "stream": True, "n": 2}
    told = server.post("/v1/completions", stream_options={"include_usage": True}, **asked).events
    usage = {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}
    assert told[-1] == "[DONE]" and told[-2]["choices"] == []
    assert told[-2]["usage"] == usage
    assert all(each["usage"] is None for each in told[:-2])
    assert {each["choices"][0]["index"] for each in told[:-2]} == {0, 1}
    plain = server.post("/v1/completions", **asked).events
    assert not any("usage" in each for each in plain[:-1])


def test_several_answers_and_how_likely_each_token_was(server: Server) -> None:
    reply = server.post("/v1/completions", prompt="a", n=8, max_tokens=2, logprobs=1).json
    assert [choice["index"] for choice in reply["choices"]] == list(range(8))
    assert reply["choices"][7]["logprobs"]["token_logprobs"] == [-0.5, -0.5]
    assert {choice["finish_reason"] for choice in reply["choices"]} == {"length"}
    assert reply["usage"] == {"prompt_tokens": 7, "completion_tokens": 16, "total_tokens": 23}


def test_models_are_those_of_the_start(server: Server) -> None:
    (only,) = server.request("GET", "/v1/models").json["data"]
    assert only["id"] == MODEL
    assert server.request("GET", f"/v1/models/{MODEL}").json == only
    for name in ("smollm2-135m", "/etc/passwd", "../x", "echo"):
        assert server.request("GET", f"/v1/models/{name}").status == 404
    assert server.post("/v1/completions", model=MODEL, prompt="a", max_tokens=1).status == 200


@pytest.mark.parametrize("name", ["", "PLACEHOLDER", "gpt-4", "../../etc/passwd", "echo"])
def test_the_only_model_answers_to_every_name(server: Server, name: str) -> None:
    for path, asked in ASKED.items():
        reply = server.post(path, model=name, stop="w1", **asked)
        assert reply.status == 200 and reply.json["model"] == MODEL


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_answer(
    server: Server, slow: Slow, path: str, stream: bool
) -> None:
    """Within two tokens, and the next one is answered."""
    most = "n_predict" if path == "/infill" else "max_tokens"
    with server.begin(path, stream=stream, **{most: 1000}, **ASKED[path]) as client:
        assert until(lambda: slow.made >= 3, 10)
        if stream:
            client.recv(100)
    made = slow.made
    assert until(lambda: server.metric("starcoder_working") == 0, 10)
    assert slow.made <= made + 3
    assert server.post("/v1/completions", prompt="a", max_tokens=1).status == 200


def test_a_client_that_leaves_the_queue(server: Server, slow: Slow) -> None:
    """It never has its turn."""
    slow.seconds = 0.05
    with server.begin("/v1/completions", prompt="a", max_tokens=1000):
        clients = [server.begin("/v1/completions", prompt=str(at)) for at in range(MAX_SLOTS)]
        assert until(lambda: server.metric("starcoder_working") == MAX_SLOTS, 10)
        assert until(lambda: server.metric("starcoder_waiting") == 1, 10)
        for client in clients:
            client.close()
        assert until(lambda: server.metric("starcoder_waiting") == 0, 10)
        assert until(lambda: server.metric("starcoder_working") <= 1, 10)


def test_too_many_at_once(server: Server, slow: Slow) -> None:
    slow.seconds = 0.05
    clients = [
        server.begin("/v1/completions", prompt="a", max_tokens=1000, stream=at % 2 == 0)
        for at in range(MAX_SLOTS + MAX_QUEUED_ANSWERS)
    ]
    assert until(lambda: server.metric("starcoder_waiting") == MAX_QUEUED_ANSWERS, 20)
    for stream in (True, False):
        reply = server.post("/v1/completions", prompt="a", stream=stream)
        assert (reply.status, reply.error["code"]) == (429, "queue_full")
        assert int(reply.headers["retry-after"]) >= 1
    for client in clients:
        client.close()
    assert until(lambda: server.metric("starcoder_working") == 0, 20)


@pytest.mark.parametrize("path", ASKED)
def test_a_failure_in_the_midst_is_told_at_once(server: Server, slow: Slow, path: str) -> None:
    """Whole answers are an error, streams end with one; what the prompt says is in neither."""
    slow.fails_at = 3
    whole = server.post(path, **ASKED[path])
    assert (whole.status, whole.error["type"]) == (500, "server_error")
    streamed = server.post(path, stream=True, **ASKED[path])
    assert streamed.status == 200 and streamed.events[-1] == whole.json
    assert b"secret" not in whole.data + streamed.data
    assert (slow.made, len(slow.prompts)) == (6, 2)  # neither goes on or is tried again


def test_a_model_that_was_let_go_before_its_turn_is_loaded_again(slow: Slow) -> None:
    """Where memory was short between a prompt and its answer, the answer was a 500."""
    offer = ModelOffer(MODEL, find_model(MODEL), LoadRequest(MODEL, "", 4096, LoadOptions()))

    async def test() -> str:
        with ThreadPoolExecutor(4) as pool:
            held = ModelPool(pool, lambda *_: slow)
            api = HttpApi(held, pool, [offer], Metrics(held))
            asked = read_completion(b'{"prompt": "a", "max_tokens": 2}')
            turn = await api.answers.create_job(asked, CompletionStyle())
            (first,) = held
            first.keep_alive = 0
            await held.release_expired()
            assert first not in held
            return "".join([chunk.text async for _, chunk in api.answers.stream_chunks(turn)])

    assert asyncio.run(test()) == "w0 w1 "


def test_numbers_for_prometheus(server: Server) -> None:
    server.post("/v1/completions", prompt="a", max_tokens=3)
    server.post("/v1/completions", prompt="a", max_tokens=-3)
    server.request("GET", "/a\x7f".replace("\x7f", "%7f"))
    name = "starcoder_requests_total"
    assert server.metric(f'{name}{{route="/v1/completions",status="200"}}') == 1
    assert server.metric(f'{name}{{route="/v1/completions",status="400"}}') == 1
    assert server.metric(f'{name}{{route="other",status="404"}}') == 1
    assert server.written == 3
    assert server.metric('starcoder_tokens_total{kind="read"}') == 7
    assert server.metric("starcoder_working") == server.metric("starcoder_waiting") == 0
    assert server.metric('starcoder_request_seconds_count{route="/v1/completions"}') == 2
    told = server.request("GET", "/metrics").data.decode()
    families = {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE ")}
    assert families == {
        "starcoder_requests_total",
        "starcoder_request_seconds",
        "starcoder_tokens_total",
        "starcoder_working",
        "starcoder_waiting",
    }


def test_a_line_for_each_request_without_a_word_of_it(slow: Slow) -> None:
    told: list[str] = []
    with local(slow, told, allowed=("box.example",)) as server:
        server.post("/v1/completions", prompt="sentinel", max_tokens=1)
        server.request("GET", "/sentinel?sentinel")
        host = f"box.example:{server.port}"
        assert server.request("GET", "/health", Host=host).status == 200
    assert [line.rsplit(" ", 2)[0] for line in told] == [
        "POST /v1/completions 200",
        "GET other 404",
        "GET /health 200",
    ]


def test_a_real_engine(tiny_file: object) -> None:
    """A GGUF file under its own name, beside another model; greedy answers are always the same."""
    with serving(str(tiny_file), "echo") as server:
        names = [each["id"] for each in server.request("GET", "/v1/models").json["data"]]
        assert names == ["tiny.gguf", "echo"]
        asked = {"prompt": "def f(x):\n", "max_tokens": 8, "logprobs": 0}
        one = server.post("/v1/completions", **asked).json
        assert one["model"] == "tiny.gguf" and one["usage"]["completion_tokens"] == 8
        probabilities = one["choices"][0]["logprobs"]["token_logprobs"]
        assert all(-20 < number < 0 for number in probabilities)
        with ThreadPoolExecutor(6) as pool:
            replies = list(pool.map(lambda _: server.post("/v1/completions", **asked), range(6)))
        assert {text(reply) for reply in replies} == {text_of(one)}
        hot = {**asked, "temperature": 1.5, "seed": 3, "n": 3}
        drawn = [json.dumps(server.post("/v1/completions", **hot).json["choices"]) for _ in "ab"]
        assert drawn[0] == drawn[1]
        untrained = server.post("/infill", input_prefix="a", input_suffix="b")
        assert (untrained.status, untrained.error["code"]) == (400, "no_infill")
        with server.begin("/v1/completions", prompt="a", max_tokens=1900, stream=True) as client:
            assert client.recv(100)
        assert until(lambda: server.metric("starcoder_working") == 0, 20)


def text_of(record: dict[str, list[dict[str, object]]]) -> str:
    """The text of a completion's record."""
    return str(record["choices"][0]["text"])
