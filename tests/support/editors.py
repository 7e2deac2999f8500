"""An editor for tests: it sends messages to a language server in this process, and answers its own.

What the two say to each other is JSON, as over a pipe.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starcoder_cli.commands.lsp import EditorFlags, configure
from starcoder_cli.lsp.options import Configure
from starcoder_cli.lsp.server import EditorServer

SECONDS = 60.0
INLINE: Mapping[str, object] = {"textDocument": {"inlineCompletion": {}}}


class RefusedError(Exception):
    """The server has answered with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = error["code"]


class Editor:
    """A client of a server; `answers` is what it answers to requests, by method."""

    def __init__(self, configure: Configure) -> None:
        self.server = EditorServer(configure)
        self.server.protocol.set_writer(self, include_headers=False)
        self.answers: dict[str, Callable[[Any], Any]] = {}
        self.received: list[tuple[str, Any]] = []
        self._waiting: dict[object, asyncio.Future[Any]] = {}
        self._count = 0

    def write(self, data: bytes) -> None:
        """Take what the server sends."""
        message = json.loads(data)
        if "method" not in message:
            future = self._waiting.pop(message["id"])
            if not future.done() and "error" in message:
                future.set_exception(RefusedError(message["error"]))
            elif not future.done():
                future.set_result(message.get("result"))
            return
        self.received.append((message["method"], message.get("params")))
        if "id" in message:
            answer = self.answers[message["method"]](message.get("params"))
            asyncio.get_running_loop().call_soon(
                self._send, {"id": message["id"], "result": answer}
            )

    def close(self) -> None:
        """Nothing is held."""

    def notify(self, method: str, params: object) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: object) -> tuple[int, "asyncio.Future[Any]"]:
        """Send a request: its number, and what will be its answer."""
        self._count += 1
        future = self._waiting[self._count] = asyncio.get_running_loop().create_future()
        self._send({"id": self._count, "method": method, "params": params})
        return self._count, future

    async def request(self, method: str, params: object) -> Any:
        """The answer to a request; RefusedError where that is an error."""
        return await asyncio.wait_for(self.ask(method, params)[1], SECONDS)

    def open(self, uri: str, text: str, language: str = "python", version: int = 1) -> None:
        """Open a document."""
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, *changes: Mapping[str, object]) -> None:
        """Edit a document."""
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    async def inline(self, uri: str, line: int, character: int, **context: object) -> list[Any]:
        """The inline completions at a position; asked for by hand unless the context says not."""
        params = place(uri, line, character) | {"context": {"triggerKind": 1, **context}}
        found: list[Any] = await self.request("textDocument/inlineCompletion", params)
        return found

    def said(self, method: str) -> list[Any]:
        """The parameters of what was received of a kind."""
        return [params for name, params in self.received if name == method]

    async def settle(self) -> None:
        """Let everything run that needs no waiting."""
        for _ in range(20):
            await asyncio.sleep(0)

    def _send(self, message: dict[str, object]) -> None:
        protocol = self.server.protocol
        text = json.dumps({"jsonrpc": "2.0", **message})
        try:
            structured = json.loads(text, object_hook=protocol.structure_message)
        except Exception as error:  # as the loop over messages does
            self.server.report_server_error(error, type(error))
        else:
            protocol.handle_message(structured)


def place(uri: str, line: int, character: int) -> dict[str, Any]:
    """A position in a document, as requests name it."""
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


def span(start: tuple[int, int], end: tuple[int, int]) -> dict[str, Any]:
    """A range."""
    return {
        "start": {"line": start[0], "character": start[1]},
        "end": {"line": end[0], "character": end[1]},
    }


@asynccontextmanager
async def editing(
    capabilities: Mapping[str, object] = INLINE, **flags: Any
) -> AsyncIterator[Editor]:
    """An editor whose server asks `echo` and waits for nothing, unless the flags say otherwise."""
    settings = {"initializationOptions": flags.pop("settings", None)}
    answers = flags.pop("answers", {})
    given = EditorFlags(**{"model": "echo", "debounce": 0.0, "candidates": 1, **flags})
    editor = Editor(lambda chosen: configure(given, chosen))
    editor.answers.update(answers)
    await editor.request(
        "initialize", {"processId": None, "capabilities": capabilities, **settings}
    )
    editor.notify("initialized", {})
    await editor.settle()
    try:
        yield editor
    finally:
        editor.server.stop()


def run(session: Coroutine[Any, Any, None]) -> None:
    """Run a session of an editor."""
    asyncio.run(session)
