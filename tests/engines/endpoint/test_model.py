"""Endpoints as they are: llama.cpp's own server, TLS, proxies, and ids that no text can have."""

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving import tiny_file
from sites import FIRST, NAMES, serving, tokens, written
from starcoder_cli.engines.endpoint.connection import pause_of
from starcoder_cli.engines.endpoint.model import EndpointModel, Reached, chosen, reach
from starcoder_cli.engines.endpoint.tokenizer import Spelling, Tokens
from starcoder_cli.engines.llamacpp import LlamaCppModel
from starcoder_cli.errors import InputError, UnavailableError, UsageError
from starcoder_cli.model import Prompt, Sampling, Special
from starcoder_cli.net.endpoints import Endpoint
from starcoder_cli.stream import join
from starcoder_cli.wire.openai_client import Served

__all__ = ["tiny_file"]


def ignore(text: str) -> None:
    """For notes that nobody reads."""


def reached(url: str, named: str = "") -> Reached:
    """An endpoint as it says that it is."""
    return reach(Endpoint.parse(url), named, "", "", ignore)


def like_vllm(text: str, opening: bool, control: bool) -> Tokens:
    """Tokens of a server that reads control tokens whether it is asked to or not."""
    return [(each, written(each)) for each in tokens(text, True)]


PIECES = st.lists(st.sampled_from([*NAMES, "<", "|", "<|fim", "_middle|>", "a"]), max_size=12)


@given(PIECES)
def test_no_text_becomes_a_control_token(pieces: list[str]) -> None:
    text = "".join(pieces)
    ids = Spelling(like_vllm).text(text)
    assert max(ids, default=0) < FIRST
    assert "".join(map(written, ids)) == text


def test_control_tokens_have_one_id_each() -> None:
    spelling = Spelling(like_vllm)
    assert spelling.token("<fim_middle>") == FIRST + NAMES.index("<fim_middle>")
    assert spelling.token("<unheard>") is None
    prompt = Prompt((Special("<fim_prefix>"), "a<fim_prefix>", Special("<fim_middle>")), (), "b")
    ids = spelling.encode(prompt)
    assert "".join(map(written, ids)) == "<fim_prefix>a<fim_prefix><fim_middle>b"
    assert len([each for each in ids if each >= FIRST]) == 2


def test_which_model() -> None:
    listed = [Served("a"), Served("bigcode/starcoder2-3b")]
    assert chosen(listed, "", "").id == chosen(listed, "", "c").id == "a"
    assert chosen(listed, "", "starcoder2-3b").id == "bigcode/starcoder2-3b"
    assert chosen(listed, "starcoder2-3b", "").id == "bigcode/starcoder2-3b"
    assert chosen([], "b", "").id == "b"
    with pytest.raises(InputError):
        chosen(listed, "b", "")
    with pytest.raises(UsageError):
        chosen([], "", "c")


@pytest.mark.parametrize(("asked", "least", "most"), [("", 1, 1), ("7", 7, 7), ("x", 1, 1)])
def test_how_long_to_wait(asked: str, least: float, most: float) -> None:
    assert least <= pause_of(asked, 1.0) <= most


def test_until_when_to_wait() -> None:
    soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 30))
    assert 25 < pause_of(soon, 1.0) <= 31
    assert pause_of("Thu, 01 Jan 1970 00:00:00 GMT", 1.0) == 0


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
        expected, found = join(here.stream(prompt, sampling)), join(there.stream(prompt, sampling))
        assert found.text == expected.text != ""
        assert (found.reason, found.tokens, found.prompt_tokens) == (
            *(expected.reason, expected.tokens, expected.prompt_tokens),
        )
        assert there.window == 512
        assert there.count("def f(x):") == here.count("def f(x):")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine, signed by itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run([*words.split(), *names, *files], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def test_a_certificate_is_checked(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with serving(tls) as site:
        with pytest.raises(UnavailableError, match="SSL_CERT_FILE"):
            reached(site.url)
        assert site.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
        assert reached(site.url).spec.name == site.model


def test_no_proxy_is_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy, serving() as site:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert reached(site.url).spec.name == site.model
        assert proxy.asked == []
        assert reached("http://gpu.example:8000").spec.name == proxy.model
        assert len(proxy.asked) == 2


@given(st.text(st.characters(exclude_categories=()), max_size=30))
@settings(deadline=None, max_examples=20)
def test_where_nobody_can_tell_tokens_are_estimated(text: str) -> None:
    served = Served("codegemma-9", "somebody", 100)
    with serving(owner=served.owner, model=served.id) as site:
        model = EndpointModel(reached(site.url), ignore)
    with closing(model):
        assert 0 <= model.count(text) <= len(text.encode("utf-8", "replace")) + 1
        assert model.token("<|fim_prefix|>") is not None
        assert model.token("<fim_prefix>") is None
