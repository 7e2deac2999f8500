"""The default model through llama.cpp: what it streams, where it stops, and who can reach it."""

import json
import math
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ggufs import tiny
from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.engines import llamacpp
from starcoder_cli.engines.llamacpp import LlamaCppModel
from starcoder_cli.engines.load import load_model
from starcoder_cli.errors import DataError, ProtocolError
from starcoder_cli.model import Hole, Prompt, Sampling
from starcoder_cli.net.http import HttpRequest
from starcoder_cli.net.sockets import create_private_folder, open_connection
from starcoder_cli.prompts.chat_formats import CHATML, choose_chat_format
from starcoder_cli.prompts.fim_formats import FIM_FORMATS
from starcoder_cli.prompts.token_healing import split_for_healing
from starcoder_cli.prompts.window import fit_hole
from starcoder_cli.stream import Chunk, collect
from starcoder_cli.wire.llamacpp_events import read_completion_events

pytestmark = pytest.mark.model

WINDOW = 256
COUNTING = Prompt(("1 2 3 4 5 6 7 8 9 ",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model of these tests makes its private folder."""
    return tmp_path_factory.mktemp("t")


@pytest.fixture(scope="module")
def model(real_model: Path, folder: Path) -> Iterator[LlamaCppModel]:
    """The default model with a small window; its private folder is gone once it is closed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        opened = LlamaCppModel(real_model, WINDOW)
    with closing(opened):
        yield opened
    assert list(folder.iterdir()) == []


def address(folder: Path) -> Path:
    """The only socket of the model."""
    (private,) = folder.iterdir()
    (found,) = private.iterdir()
    return found


CLOSES = """
import sys
from pathlib import Path
from ggufs import tiny
from starcoder_cli.engines.llamacpp import LlamaCppModel
path = Path(sys.argv[1])
path.write_bytes(tiny())
for _ in range(20):
    LlamaCppModel(path, 256).close()
"""


def test_a_model_that_is_closed_at_once_ends(tmp_path: Path) -> None:
    """It was a bug that llama.cpp's server, ended before it had begun, waited for ever."""
    command = [sys.executable, "-c", CLOSES, str(tmp_path / "tiny.gguf")]
    subprocess.run(command, cwd=Path(__file__).parents[1] / "support", check=True, timeout=120)


OPENS = """
import sys
from pathlib import Path
from starcoder_cli.engines.llamacpp import LlamaCppModel
LlamaCppModel(Path(sys.argv[1]), 256).close()
"""


@pytest.mark.parametrize(
    "template",
    [
        "{% for a in range(99999999) %}{% for b in range(99999999) %}{% endfor %}{% endfor %}",
        "{% set x = namespace(y='a') %}{% for a in range(99) %}{% set x.y = x.y ~ x.y %}"
        "{% endfor %}",
        "{{ " + "[" * 100_000 + "]" * 100_000 + " }}",
    ],
    ids=["endless", "growing", "nested"],
)
def test_the_template_of_a_file_is_not_run(template: str, tmp_path: Path) -> None:
    """llama.cpp ran it while it loaded the file."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny(chat_template=template))
    command = [
        "sh",
        "-c",
        'ulimit -v 8000000; exec "$@"',
        "sh",
        sys.executable,
        "-c",
        OPENS,
        str(path),
    ]
    subprocess.run(command, check=True, timeout=60)


def test_a_file_that_makes_llama_cpp_give_up_runs_no_debugger(tmp_path: Path) -> None:
    """It looked for one in PATH, where a repository may have its own."""
    (tmp_path / "tiny.gguf").write_bytes(tiny(block_count=(1 << 31) - 1))
    for name in ("gdb", "lldb"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", OPENS, str(tmp_path / "tiny.gguf")]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode
    assert not (tmp_path / "ran").exists()


def test_text_arrives_token_by_token(model: LlamaCppModel) -> None:
    chunks = list(model.stream(COUNTING, Sampling(max_tokens=6)))
    assert "".join(chunk.text for chunk in chunks).startswith("10 11")
    assert [chunk.tokens for chunk in chunks if chunk.text] == [1] * 6
    assert sum(chunk.tokens for chunk in chunks) == 6
    assert [chunk.reason for chunk in chunks if chunk.reason] == ["length"]
    assert {chunk.prompt_tokens for chunk in chunks} == {len(model.encode(COUNTING))}


def test_characters_are_never_split(model: LlamaCppModel) -> None:
    """A character of several tokens arrives whole."""
    prompt = Prompt(("👩\u200d💻🧵🦑🪆👩\u200d💻🧵🦑🪆👩\u200d💻🧵🦑🪆👩\u200d💻",))
    answer = collect(model.stream(prompt, Sampling(max_tokens=24)))
    assert answer.text and "\ufffd" not in answer.text


def test_an_answer_ends_at_a_control_token(model: LlamaCppModel) -> None:
    hole = Hole("def add(a, b):\n    return ", "\n\n\nprint(add(1, 2))\n")
    prompt = FIM_FORMATS["qwen2.5-coder"].build_prompt(hole)
    answer = collect(model.stream(prompt, Sampling(max_tokens=64)))
    assert answer.text.startswith("a + b")
    assert (answer.reason, "<|" in answer.text) == ("stop", False)


def test_control_tokens_in_a_text_are_text(model: LlamaCppModel) -> None:
    form = FIM_FORMATS["qwen2.5-coder"]
    tokens = {model.token(special) for special in (*form.control_tokens(), *form.stop)}
    assert None not in tokens
    text = "".join((*form.control_tokens(), *form.stop))
    assert not tokens & set(model.encode(Prompt((text,))))
    assert tokens & set(model.encode(form.build_prompt(Hole(text, text)))) == {
        model.token(special)
        for special in form.control_tokens()
        if special in form.build_prompt(Hole("a", "b")).pieces
    }


@pytest.mark.parametrize("begun", [" 🦑 is", ' 1"0\\'])
def test_an_answer_begins_as_it_has_to(begun: str, model: LlamaCppModel) -> None:
    """However unlikely that is; and what it begins with is left out."""
    prompt = Prompt(COUNTING.pieces, forced_prefix=begun)
    rest = collect(model.stream(prompt, Sampling(max_tokens=12))).text
    whole = collect(model.generate(prompt, Sampling(max_tokens=12))).text
    assert whole == begun + rest
    assert rest


def test_half_a_word_is_finished(model: LlamaCppModel) -> None:
    kept, begun = split_for_healing("def add(a, b):\n    retu")
    prompt = Prompt((kept,), forced_prefix=begun)
    assert collect(model.stream(prompt, Sampling(max_tokens=5))).text.startswith("rn a")


def test_a_seed_makes_chance_repeatable(model: LlamaCppModel) -> None:
    def text(seed: int) -> str:
        sampling = Sampling(max_tokens=6, temperature=1.5, top_p=1.0, seed=seed)
        return collect(model.stream(Prompt(("# A poem about",)), sampling)).text

    first = text(1)
    assert text(1) == first
    assert {text(2), text(3)} != {first}


def test_the_log_probability_is_that_of_the_model_itself(model: LlamaCppModel) -> None:
    """About the same for the same tokens: rounding depends on how much is read at once."""
    greedy = [collect(model.stream(COUNTING, Sampling(6, logprobs=True))) for _ in range(2)]
    assert math.isfinite(greedy[0].logprob) and greedy[0].logprob < 0
    assert greedy[1].logprob == pytest.approx(greedy[0].logprob, abs=0.05)
    drawn = collect(model.stream(COUNTING, Sampling(6, 0.1, 0.5, 1, True)))
    assert drawn.text == greedy[0].text
    assert drawn.logprob == pytest.approx(greedy[0].logprob, abs=0.05)
    assert collect(model.stream(COUNTING, Sampling(6))).logprob == 0
    told = [
        chunk
        for chunk in model.stream(COUNTING, Sampling(6, logprobs=True, top_logprobs=3))
        if chunk.text
    ]
    assert {len(chunk.top_logprobs) for chunk in told} == {3}
    assert all(chunk.top_logprobs[0][0] == chunk.text for chunk in told)
    assert [chunk.top_logprobs[0][1] for chunk in told] == [chunk.logprob for chunk in told]


def test_several_answers_cost_one_reading(model: LlamaCppModel) -> None:
    """Of a prompt that was just read, llama.cpp reads the last token again, and no more."""
    ids = model.encode(Prompt(("1 2 3 4 5 6 7 8 9 " * 5,)))
    body = {"prompt": ids, "stream": True, "n_predict": 4, "cache_prompt": True, "temperature": 1}
    read = []
    for seed in range(3):
        with model._request("/completion", {**body, "seed": seed}) as answer:
            *_, last = read_completion_events(answer)
        timings = last["timings"]
        assert isinstance(timings, dict)
        read.append(timings["prompt_n"])
    assert read[1:] == [1, 1]


def test_closing_an_answer_stops_llama_cpp(model: LlamaCppModel) -> None:
    """It would write another 200 tokens; of those it writes two at most.

    What it has written is in its cache: all but that is read of a prompt that goes on so.
    """
    ids = model.encode(COUNTING)
    written, _ = complete_ids(model, ids, 200)
    complete_ids(model, model.encode(Prompt(("Something else.",))), 1)
    stream = model.stream(COUNTING, Sampling(max_tokens=220))
    seen = sum(next(stream).tokens for _ in range(8))
    stream.close()
    _, read = complete_ids(model, [*ids, *written], 1)
    assert len(written) - read <= seen + 2


def complete_ids(model: LlamaCppModel, ids: list[int], count: int) -> tuple[list[int], int]:
    """So many tokens behind a prompt, the likeliest, and how many of the prompt had to be read."""
    body = {"prompt": ids, "stream": True, "return_tokens": True, "n_predict": count, "top_k": 1}
    with model._request("/completion", {**body, "cache_prompt": True}) as answer:
        events: list[dict[str, Any]] = [dict(each) for each in read_completion_events(answer)]
    written = [token for event in events for token in event.get("tokens", [])]
    return written, events[-1]["timings"]["prompt_n"]


def test_prompt_and_answer_together_fit_the_window(model: LlamaCppModel) -> None:
    assert model.window == WINDOW
    prompt = Prompt(("1 2 3 4 5 6 7 8 9 " * 14,))
    length = len(model.encode(prompt))
    answer = collect(model.stream(prompt, Sampling(max_tokens=WINDOW)))
    assert (answer.reason, answer.prompt_tokens) == ("length", length)
    assert length < WINDOW - 2 < length + answer.tokens <= WINDOW
    with pytest.raises(ProtocolError, match="llama.cpp refused the request"):
        collect(model.stream(Prompt(prompt.pieces * 2), Sampling(max_tokens=1)))
    assert collect(model.stream(COUNTING, Sampling(max_tokens=1))).tokens == 1


def test_a_text_that_is_too_long_is_cut_to_fit(model: LlamaCppModel) -> None:
    near = fit_hole(Hole("x = 1\n" * 400, "y = 2\n" * 400), WINDOW - 40, model.count)
    assert near.prefix and near.suffix
    prompt = FIM_FORMATS["qwen2.5-coder"].build_prompt(near)
    assert WINDOW - 60 < len(model.encode(prompt)) < WINDOW - 30
    assert collect(model.stream(prompt, Sampling(max_tokens=2))).tokens <= 2


@pytest.mark.parametrize("prompt", [Prompt(()), Prompt(("",)), Prompt((), FIM_FORMATS["fim"].stop)])
def test_nothing_is_a_prompt_too(prompt: Prompt, model: LlamaCppModel) -> None:
    assert collect(model.stream(prompt, Sampling(max_tokens=2))).prompt_tokens == 1


@pytest.mark.parametrize("letter", ["a", ".", " ", "\t", "\n"])
def test_monotonous_text_has_tokens(letter: str, model: LlamaCppModel) -> None:
    """Tokenizers that work through such a text by recursion have ended the process."""
    assert 0 < model.count(letter * 26_000) < 26_000


def test_no_port_is_opened(model: LlamaCppModel) -> None:
    """Not even on the loopback interface, where other users of the machine could try it."""
    tables = [Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6")]
    if not tables[0].exists():
        pytest.skip("needs /proc")
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
    names = list(Path("/proc/self/fd").iterdir())
    ours = {str(name.readlink()) for name in names if os.path.lexists(name)}
    assert any(name.startswith("socket:") for name in ours)
    assert not ours & listening


def test_only_this_user_can_reach_the_socket(model: LlamaCppModel, folder: Path) -> None:
    found = address(folder)
    assert stat.S_ISSOCK(found.stat().st_mode)
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}], ids=["no", "wrong"])
@pytest.mark.parametrize("path", ["/completion", "/tokenize", "/v1/chat/completions"])
def test_without_the_key_nothing_is_answered(
    headers: dict[str, str], path: str, model: LlamaCppModel, folder: Path
) -> None:
    with closing(HttpRequest(open_connection(f"unix://{address(folder)}"))) as exchange:
        exchange.send("POST", path, json.dumps({"prompt": "1", "content": "1"}).encode(), headers)
        assert (exchange.status, b"token" in exchange.read()) == (401, False)


def test_llama_cpp_gets_a_path_that_is_utf8(tmp_path: Path) -> None:
    plain, odd = tmp_path / "é.gguf", tmp_path / "m\udce9.gguf"
    odd.write_bytes(b"model")
    assert llamacpp.utf8_path(plain, tmp_path) == str(plain)
    link = Path(llamacpp.utf8_path(odd, tmp_path))
    assert (link.parent, link.read_bytes()) == (tmp_path, b"model")


@pytest.mark.parametrize("kind", ["CPU", "ACCEL", "GPU", "IGPU"])
def test_layers_are_fitted_to_a_gpu_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, the file's header is not read a second time for it."""
    import xllamacpp

    asked = []
    device = {"type": xllamacpp.ggml_backend_dev_type[f"GGML_BACKEND_DEVICE_TYPE_{kind}"]}
    monkeypatch.setattr(xllamacpp, "get_device_info", lambda: [device])
    monkeypatch.setattr(xllamacpp, "Server", lambda given: asked.append(given.fit_params))
    llamacpp.start_server(Path("model.gguf"), 512, 1, "key", Path("folder"))
    assert asked == [kind.endswith("GPU")]


def test_a_file_that_is_no_model_is_told_apart(tmp_path: Path) -> None:
    """The window of a catalog model is known, so that llama.cpp is the first to read its file."""
    page = tmp_path / "page.gguf"
    page.write_bytes(b"<!DOCTYPE html><p>Not found")
    with pytest.raises(DataError, match="it is a web page"):
        load_model(find_model(SMALL_MODEL), page, 256)


def test_a_long_path_to_temporary_files_is_avoided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was a bug that no model loaded there: the names of sockets are short."""
    long = tmp_path / ("l" * 100)
    long.mkdir()
    for place in (tmp_path, long):
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        made = create_private_folder()
        assert len(os.fsencode(made / "llama.sock")) < 104
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        made.rmdir()


def test_a_model_is_closed_while_other_threads_leave_their_answers(real_model: Path) -> None:
    """In a process of its own: what this is about is a process that hangs."""
    script = """
import os, sys, threading
from pathlib import Path
from starcoder_cli.engines.llamacpp import LlamaCppModel
from starcoder_cli.model import Sampling
from starcoder_cli.prompts.fim import Prompt

model = LlamaCppModel(Path(sys.argv[1]), 512, 4)
begun, closed = threading.Barrier(5), threading.Event()

def read():
    stream = model.stream(Prompt(("1 2 3 4 5 6 7 8",)), Sampling(400))
    next(stream)
    begun.wait()
    for chunk in stream:
        if closed.is_set():
            return stream.close()

for _ in range(4):
    threading.Thread(target=read, daemon=True).start()
begun.wait()
closed.set()
model.close()
print("closed", flush=True)
os._exit(0)
"""
    command = [sys.executable, "-c", script, str(real_model)]
    done = subprocess.run(command, capture_output=True, timeout=240, check=True)
    assert done.stdout == b"closed\n"


def test_the_form_of_a_chat_is_told_by_the_file(model: LlamaCppModel) -> None:
    assert choose_chat_format(None, "model.gguf", model.chat_template, model.has_token) is CHATML


def test_a_stream_nobody_reads_asks_for_nothing(model: LlamaCppModel) -> None:
    stream = model.stream(COUNTING, Sampling())
    stream.close()
    assert list(stream) == []
    assert isinstance(next(model.stream(COUNTING, Sampling(max_tokens=1))), Chunk)
