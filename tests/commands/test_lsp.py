"""`starcoder lsp`: its flags as settings, and a real client that asks, cancels and types."""

import asyncio
import json
import os
import random
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from processes import COMMAND
from serving import command, held, process, runtime, tiny_file, until
from starcoder_cli.cli import main
from starcoder_cli.commands.groups import FimEndpointFlags
from starcoder_cli.commands.lsp import EditorContextFlags, EditorFlags, configure, with_setting
from starcoder_cli.commands.registry import load_command
from starcoder_cli.engines.server_model import LocalServer
from starcoder_cli.errors import UsageError
from starcoder_cli.net.daemon import find_socket
from starcoder_cli.wire import local_protocol

__all__ = ["runtime", "tiny_file"]
unix = pytest.mark.skipif(sys.platform == "win32", reason="needs unix sockets")

URI = "file:///tmp/caf%C3%A9/a%FF.py"
SECONDS = 120
REQUESTS = 1000


class Client(LanguageClient):
    """An editor; `lines` is what was logged."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.lines: list[str] = []
        self.feature(types.WINDOW_LOG_MESSAGE)(lambda params: self.lines.append(params.message))

    def open(self, text: str, uri: str = URI) -> None:
        """Open a document."""
        item = types.TextDocumentItem(uri, "python", 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))

    async def inline(
        self, line: int, character: int, kind: types.InlineCompletionTriggerKind
    ) -> list[str]:
        """The texts of the completions at a position."""
        params = types.InlineCompletionParams(
            types.InlineCompletionContext(kind),
            types.TextDocumentIdentifier(URI),
            types.Position(line, character),
        )
        found = await asyncio.wait_for(self.text_document_inline_completion_async(params), SECONDS)
        assert not isinstance(found, types.InlineCompletionList)
        return [str(item.insert_text) for item in found or ()]


@asynccontextmanager
async def connected(*words: str) -> AsyncIterator[Client]:
    """A client of a server of its own, which ends as it should."""
    client = Client()
    await client.start_io(COMMAND[0], *COMMAND[1:], "lsp", *words)
    inline = types.InlineCompletionClientCapabilities()
    able = types.ClientCapabilities(
        text_document=types.TextDocumentClientCapabilities(inline_completion=inline)
    )
    await client.initialize_async(types.InitializeParams(able))
    client.initialized(types.InitializedParams())
    server = client._server
    assert server and server.stderr
    yield client
    await client.shutdown_async(None)
    client.exit(None)
    assert await asyncio.wait_for(server.wait(), SECONDS) == 0
    await client.stop()  # type: ignore[no-untyped-call]  # of pygls


INVOKED = types.InlineCompletionTriggerKind.Invoked
AUTOMATIC = types.InlineCompletionTriggerKind.Automatic


def test_a_person_at_a_terminal_is_told_who_starts_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert main(["lsp", "-m", "echo"]) == 2
    assert capfd.readouterr().err == (
        "error: standard input is a terminal: `starcoder lsp` is started by an editor, and "
        "speaks the language server protocol with it; docs/lsp.md says how to set one up\n"
    )


def test_a_closed_input_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["lsp", "-m", "echo"]) == 2
    assert capfd.readouterr().err.startswith("error: standard input is closed: `starcoder lsp` ")


@pytest.mark.parametrize(
    ("words", "code"),
    [(("-m", "no-such-model"), 2), (("--keep-alive", "0"), 2), (("-n", "99"), 2)],
)
def test_flags_that_mean_nothing_end_it_at_once(
    words: tuple[str, ...], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["lsp", *words]) == code
    assert capfd.readouterr().out == ""


def test_a_setting_is_checked_as_in_the_configuration_file() -> None:
    lsp, flags = load_command("lsp"), EditorFlags()
    assert with_setting(lsp, flags, "stop", ["a b"]).ending.stop == ["a b"]
    assert with_setting(lsp, flags, "lines", "one").ending.lines == "one"
    assert with_setting(lsp, flags, "offline", True).offline is True
    assert with_setting(lsp, flags, "seed", None) == flags
    for name, value in (("lines", "two"), ("max_tokens", 1.5), ("stop", "a"), ("none", 1)):
        with pytest.raises(UsageError):
            with_setting(lsp, flags, name, value)


@pytest.mark.parametrize("name", ["endpoint", "api_key_file", "adapter", "include"])
def test_no_setting_says_where_code_is_sent_to(name: str) -> None:
    """A project that somebody opens may bring settings along."""
    (problem,) = configure(EditorFlags(model="echo"), {name: "http://example.org"}).problems
    assert f"give --{name.replace('_', '-')} to `starcoder lsp`" in problem


@pytest.mark.parametrize(
    ("flags", "settings", "is_allowed"),
    [
        (EditorContextFlags(), {"context": 2}, False),
        (EditorContextFlags(context=1), {"context": 2}, False),
        (EditorContextFlags(context=2, no_context=True), {"no_context": False}, False),
        (EditorContextFlags(no_context=True), {"no_context": False, "context": 2}, False),
        (EditorContextFlags(max_prompt_tokens=100), {"max_prompt_tokens": 101}, False),
        (EditorContextFlags(context=2), {"context": 1}, True),
        (EditorContextFlags(context=2), {"no_context": True}, True),
        (EditorContextFlags(), {"max_prompt_tokens": 100, "strict_context": True}, True),
        (EditorContextFlags(max_prompt_tokens=100), {"max_prompt_tokens": 99}, True),
    ],
)
def test_no_setting_has_more_sent_to_an_endpoint(
    flags: EditorContextFlags, settings: dict[str, object], is_allowed: bool
) -> None:
    """A project could have the documents sent that are open beside its own."""
    there = EditorFlags(context=flags, endpoint=FimEndpointFlags(endpoint="http://127.0.0.1:1"))
    here = EditorFlags(model="echo", context=flags)
    assert configure(here, settings).problems == ()
    configured = configure(there, settings)
    assert (configured.problems == ()) is is_allowed
    if not is_allowed:
        before, after = there.values().request, configured.options.request
        assert (after.context.seconds or 0) == (before.context.seconds or 0)
        assert after.infill.prompt_tokens == before.infill.prompt_tokens
        assert "have more sent to the endpoint" in configured.problems[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("model", name) for name in ("somebody/model", "./evil.gguf", "/tmp/evil.gguf")),
        *(("offline", value) for value in (False, None, 0)),
    ],
)
def test_no_setting_has_a_model_fetched_or_loaded_that_is_not_known(
    name: str, value: object
) -> None:
    flags = EditorFlags(model="echo", offline=True)
    configured = configure(flags, {name: value})
    assert f"give --{name} to `starcoder lsp`" in configured.problems[0]
    assert configured.options == flags.values()
    known = configure(flags, {"model": "qwen2.5-coder-0.5b", "offline": True})
    assert not known.problems and known.options.request.offline


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", [1]),
        ("model", ["a"]),
        ("context", 1e308),
        *((name, value) for name in ("debounce", "timeout") for value in (-1, float("nan"), 1e308)),
    ],
)
def test_a_setting_of_another_kind_leaves_the_others(name: str, value: object) -> None:
    configured = configure(EditorFlags(model="echo"), {name: value, "seed": 3})
    assert len(configured.problems) == 1 and name in configured.problems[0]
    assert configured.options.request.sampling.seed == 3


def test_a_wrong_setting_leaves_the_others() -> None:
    configured = configure(EditorFlags(model="echo"), {"max_tokens": -1, "seed": 3, "stop": [""]})
    assert [text.split("'")[1] for text in configured.problems] == ["max_tokens", "stop"]
    assert configured.options.request.sampling.seed == 3


def test_the_configuration_file_has_a_table_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[lsp]\nmodel = "no-such-model"\n')
    monkeypatch.setenv("STARCODER_CONFIG", str(file))
    assert main(["lsp"]) == 78
    assert f"{file}:2 sets model: 'no-such-model'" in capfd.readouterr().err


async def storm(client: Client, generator: random.Random) -> tuple[int, int]:
    """Many questions between edits at any place, half of them cancelled: answers, and refusals."""
    client.open("x = '😀'\n" * 20)
    tasks = []
    for number in range(REQUESTS):
        line, character = generator.randrange(30), generator.randrange(12)
        kind = generator.choice((INVOKED, AUTOMATIC))
        tasks.append(asyncio.create_task(client.inline(line, character, kind)))
        await asyncio.sleep(0)
        if number % 2:
            asked = next(reversed(client.protocol._request_futures))
            client.cancel_request(types.CancelParams(asked))
        if number % 5 == 0:
            where = types.Range(types.Position(line, character), types.Position(line + 1, 2))
            change = types.TextDocumentContentChangePartial(where, generator.choice("a\n😀"))
            document = types.VersionedTextDocumentIdentifier(number + 2, URI)
            client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [each for each in results if isinstance(each, JsonRpcException)]
    assert {each.code for each in refused} <= {-32800}
    assert all(isinstance(each, list | JsonRpcException) for each in results)
    return len(results) - len(refused), len(refused)


def test_a_thousand_questions_with_edits_and_cancellations() -> None:
    async def session() -> None:
        async with connected("-m", "echo", "--debounce", "0") as client:
            answered, refused = await storm(client, random.Random(7))
            assert answered + refused == REQUESTS
            assert len(await client.inline(0, 3, INVOKED)) == 1
            assert client.lines == []

    asyncio.run(session())


@unix
def test_the_model_is_the_servers_and_another_server_is_started(
    runtime: Path, tiny_file: Path
) -> None:
    """The first one is killed, and the next answer comes from a new one."""

    async def session() -> None:
        words = ("-m", str(tiny_file), "--max-tokens", "8", "--lines", "many", "--raw", "-n", "1")
        async with connected(*words) as client:
            client.open("def f(x):\n")
            first = await client.inline(1, 0, INVOKED)
            number = process(runtime)
            assert [each["model"] for each in held()] == [str(tiny_file)]
            os.kill(number, signal.SIGKILL)
            assert await client.inline(1, 0, INVOKED) == first != []
            assert process(runtime) != number

    asyncio.run(session())


@unix
def test_a_question_that_is_cancelled_frees_the_model(runtime: Path, tiny_file: Path) -> None:
    async def session() -> None:
        words = ("-m", str(tiny_file), "--max-tokens", "1900", "--raw", "-n", "1")
        async with connected(*words) as client:
            client.open("def f(x):\n")
            asked = asyncio.create_task(client.inline(1, 0, INVOKED))
            await asyncio.to_thread(wait_for_busy, 1)
            number = next(reversed(client.protocol._request_futures))
            client.cancel_request(types.CancelParams(number))
            with pytest.raises(JsonRpcException) as refused:
                await asked
            assert refused.value.code == -32800
            await asyncio.to_thread(wait_for_busy, 0)
            assert client.lines == []

    asyncio.run(session())


def wait_for_busy(count: int) -> None:
    """Wait until the server makes so many answers."""
    assert until(lambda: [each.busy for each in statuses()] == [count])


def statuses() -> list[local_protocol.ModelStatus]:
    """What the server holds; nothing where there is none yet."""
    path = find_socket()
    if path is None:
        return []
    return local_protocol.parse_model_statuses(LocalServer(path).request_json("GET", "/models"))


def test_the_commands_and_the_settings_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lsp.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    commands = [line for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    assert commands == ["starcoder lsp --help"]
    assert command(*commands[0].split()[1:]).returncode == 0
    (settings,) = [json.loads(text) for kind, text in blocks if kind == "json"]
    configured = configure(EditorFlags(), settings)
    assert (configured.problems, configured.options.request.candidates.n) == ((), 3)


@unix
@pytest.mark.model
def test_the_default_model_completes_and_edits(runtime: Path, real_model: Path) -> None:
    async def session() -> None:
        async with connected("--engine", "llamacpp", "-n", "1") as client:
            client.open("def add(a, b):\n    return \n\n\nprint(add(1, 2))\n")
            for kind in (INVOKED, AUTOMATIC):
                (said,) = await client.inline(1, 11, kind)
                assert said.strip() == "a + b"
            applied: list[types.ApplyWorkspaceEditParams] = []

            def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
                applied.append(params)
                return types.ApplyWorkspaceEditResult(applied=True)

            client.feature(types.WORKSPACE_APPLY_EDIT)(apply)
            where = types.Range(types.Position(0, 0), types.Position(2, 0))
            given = {"uri": URI, "range": where, "instruction": "Add type hints: int."}
            params = types.ExecuteCommandParams("starcoder.edit", [given])
            await client.workspace_execute_command_async(params)
            (change,) = applied
            assert change.edit.changes
            assert "int" in change.edit.changes[URI][0].new_text
            assert client.lines == []

    asyncio.run(session())
