"""Clients that nobody here wrote: OpenAI's own, and `llm` by Simon Willison, which uses it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import openai
import pytest

from apis import KEY, Server, Slow, local
from serving import until

MODEL = "qwen2.5-coder-0.5b"


@pytest.fixture
def slow() -> Slow:
    """A model that counts its tokens."""
    return Slow(seconds=0.005)


@pytest.fixture
def server(slow: Slow) -> Iterator[Server]:
    """A server with that model."""
    with local(slow) as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    """OpenAI's client, which is pointed at it."""
    url = f"{server.url}/v1"
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0) as found:
        yield found


def test_completions(client: openai.OpenAI) -> None:
    told = client.completions.create(
        model=MODEL, prompt="a", suffix="b", max_tokens=3, n=2, extra_body={"raw": True}
    )
    assert [choice.text for choice in told.choices] == ["w0 w1 w2 "] * 2
    assert told.usage and told.usage.completion_tokens == 6
    stream = client.completions.create(
        model=MODEL,
        prompt="a",
        max_tokens=3,
        stream=True,
        stream_options={"include_usage": True},
        seed=1,
        temperature=0.5,
        top_p=0.9,
        stop=["w2"],
        user="me",
        logprobs=0,
    )
    events = list(stream)
    assert "".join(each.choices[0].text for each in events[:-1]) == "w0 w1 "
    assert events[-1].usage and events[-1].usage.prompt_tokens == 7


def test_chat(client: openai.OpenAI) -> None:
    told = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "developer", "content": "s"}, {"role": "user", "content": "q"}],
        max_completion_tokens=2,
        logprobs=True,
    )
    assert told.choices[0].message.content == "w0 w1 "
    assert told.choices[0].logprobs and told.choices[0].logprobs.content
    assert told.choices[0].logprobs.content[1].logprob == -0.5
    with client.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": "q"}], stop="w3"
    ) as stream:
        stream.until_done()
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "w0 w1 w2 "


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "starcoder"


def test_errors_are_of_its_classes(client: openai.OpenAI, server: Server) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.models.retrieve("gpt-4")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "q"}], top_logprobs=30
        )
    assert bad.value.param == "top_logprobs"
    other = openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        other.models.list()


def test_a_stream_that_fails(client: openai.OpenAI, slow: Slow) -> None:
    slow.fails_at = 2
    with pytest.raises(openai.APIError, match="bug in the server"):
        list(client.completions.create(model=MODEL, prompt="a", stream=True))


def test_a_stream_that_is_closed(client: openai.OpenAI, server: Server, slow: Slow) -> None:
    stream = client.completions.create(model=MODEL, prompt="a", max_tokens=2000, stream=True)
    next(stream)
    stream.close()
    assert until(lambda: server.metric("starcoder_working") == 0, 10)
    assert slow.made < 1000


@pytest.mark.skipif(not find_spec("llm"), reason="needs the package llm")
@pytest.mark.parametrize("words", [[], ["--no-stream"]])
@pytest.mark.parametrize("kind", ["chat", "completion"])
def test_llm(server: Server, tmp_path: Path, kind: str, words: list[str]) -> None:
    entry = {"model_id": "ours", "model_name": MODEL, "api_base": f"{server.url}/v1"}
    entry |= {"api_key_name": "ours"}
    listed = [{**entry, "completion": True} if kind == "completion" else entry]
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps(listed))
    (tmp_path / "keys.json").write_text(json.dumps({"ours": KEY}))
    done = subprocess.run(
        [sys.executable, "-m", "llm", "-m", "ours", "-o", "max_tokens", "3", *words, "question"],
        env={**os.environ, "LLM_USER_PATH": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "w0 w1 w2"
