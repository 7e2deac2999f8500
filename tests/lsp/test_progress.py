"""What an editor shows while a model is at work."""

import asyncio

import pytest

from editors import INLINE, editing, run
from starcoder_cli.lsp import progress
from starcoder_cli.lsp.progress import show_progress

SHOWS = {**INLINE, "window": {"workDoneProgress": True}}
CREATE = "window/workDoneProgress/create"


def test_what_takes_long_is_shown_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)

    async def session() -> None:
        async with editing(SHOWS, answers={CREATE: lambda params: None}) as editor:
            async with show_progress(editor.server, "thinking"):
                for _ in range(200):
                    await asyncio.sleep(0.01)
                    if editor.said("$/progress"):
                        break
            begun, ended = editor.said("$/progress")
            assert begun["value"] == {"kind": "begin", "title": "starcoder is thinking"}
            assert ended == {"token": begun["token"], "value": {"kind": "end"}}
            assert editor.said(CREATE) == [{"token": begun["token"]}]

    run(session())


def test_what_is_done_at_once_is_not_shown() -> None:
    async def session() -> None:
        async with editing(SHOWS) as editor:
            async with show_progress(editor.server, "thinking"):
                await editor.settle()
            assert editor.said(CREATE) == []

    run(session())


def test_an_editor_that_shows_nothing_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)

    async def session() -> None:
        async with editing() as editor:
            async with show_progress(editor.server, "thinking"):
                await asyncio.sleep(0.02)
            assert editor.received == []

    run(session())
