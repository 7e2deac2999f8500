"""Endpoints as they are: llama.cpp's own server, which model is meant, and what is no guess."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import tiny_file
from sites import Handler, serving
from starcoder_cli.engines.endpoint.model import (
    DEFAULT_ENDPOINT_WINDOW,
    EndpointModel,
    ResolvedEndpoint,
    choose_served_model,
    probe_endpoint,
)
from starcoder_cli.engines.llamacpp import LlamaCppModel
from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.model import Hole, Prompt, Sampling
from starcoder_cli.net.endpoints import EndpointAddress
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.stream import collect
from starcoder_cli.wire.openai_client import ServedModel

__all__ = ["tiny_file"]


def ignore(text: str) -> None:
    """For notes that nobody reads."""


def reached(url: str, named: str = "") -> ResolvedEndpoint:
    """An endpoint as it says that it is."""
    return probe_endpoint(EndpointAddress.parse(url), named, "", "", ignore)


def test_which_model() -> None:
    listed = [ServedModel("a"), ServedModel("bigcode/starcoder2-3b")]
    assert choose_served_model(listed, "", "").id == choose_served_model(listed, "", "c").id == "a"
    assert choose_served_model(listed, "", "starcoder2-3b").id == "bigcode/starcoder2-3b"
    assert choose_served_model(listed, "starcoder2-3b", "").id == "bigcode/starcoder2-3b"
    assert choose_served_model([], "b", "").id == "b"
    with pytest.raises(InputError):
        choose_served_model(listed, "b", "")
    with pytest.raises(UsageError):
        choose_served_model([], "", "c")


@pytest.fixture(scope="module")
def llama(tiny_file: Path) -> Iterator[str]:
    """The address of llama.cpp's own server with a tiny model."""
    import xllamacpp

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(tiny_file)
    parameters.hostnames, parameters.port = ["127.0.0.1"], port
    parameters.n_ctx, parameters.n_parallel = 512, 1
    parameters.warmup, parameters.ui, parameters.verbosity = False, False, 0
    server = xllamacpp.Server(parameters)
    yield server.listening_address
    del server


def test_llama_server_answers_as_the_same_file_does_here(llama: str, tiny_file: Path) -> None:
    prompt = Prompt(("def f(x):\n    return",))
    sampling = Sampling(max_tokens=12)
    with (
        closing(LlamaCppModel(tiny_file, 512)) as here,
        closing(EndpointModel(reached(llama), ignore)) as there,
    ):
        expected, found = (
            collect(here.stream(prompt, sampling)),
            collect(there.stream(prompt, sampling)),
        )
        assert found.text == expected.text != ""
        assert (found.reason, found.tokens, found.prompt_tokens) == (
            *(expected.reason, expected.tokens, expected.prompt_tokens),
        )
        assert there.window == 512
        for text in ("def f(x):", "# <|endoftext|><fim_middle>\n" * 100):
            assert there.count(text) == here.count(text)


@given(st.text(st.characters(exclude_categories=()), max_size=30))
@settings(deadline=None, max_examples=20)
def test_where_nobody_can_tell_tokens_are_estimated(text: str) -> None:
    served = ServedModel("codegemma-9", "somebody", 100)
    with serving(owner=served.owner, model=served.id) as site:
        model = EndpointModel(reached(site.url), ignore)
    with closing(model):
        assert 0 <= model.count(text) <= len(text.encode("utf-8", "replace")) + 1
        assert model.has_token("<|fim_prefix|>")
        assert not model.has_token("<fim_prefix>")


def test_the_window_is_found_wherever_a_server_tells_it() -> None:
    listed = '{"data": [{"id": "some-model"}]}'
    with serving(owner="", model="some-model", window=700, models=listed) as site:
        assert reached(site.url).spec.window == 700
        site.missing = ("/props",)
        assert reached(site.url).spec.window == DEFAULT_ENDPOINT_WINDOW


def test_a_server_that_heeds_no_limit_is_left() -> None:
    def answer_for_ever(handler: Handler) -> None:
        handler.head(200, "text/event-stream")
        try:
            while True:
                handler.event(handler.choice("a", None))
        except OSError:
            handler.site.left.set()

    with serving(faults=[answer_for_ever]) as site:
        with closing(EndpointModel(reached(site.url), ignore)) as model:
            read = collect(model.stream(Prompt(("a",)), Sampling(max_tokens=1)))
        assert (read.text, read.reason) == ("a" * 1017, "length")
        assert site.left.wait(30)


@pytest.mark.parametrize(
    ("owner", "text"),
    [("somebody", "a"), ("vllm", "a<|file_sep|>b"), ("starcoder", "a<|file_sep|>b")],
)
def test_a_control_token_in_text_ends_an_answer_where_tokens_are_text(
    owner: str, text: str
) -> None:
    prompt = FIM_FORMATS["qwen2.5-coder"].build_prompt(Hole("x", "y"))
    with (
        serving(owner=owner, pieces=("a<|file", "_sep|>b")) as site,
        closing(EndpointModel(reached(site.url), ignore)) as model,
    ):
        assert collect(model.stream(prompt, Sampling())).text == text
