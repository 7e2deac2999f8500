"""Completions: inline, plain and Copilot's, of the newest question only."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from editors import INLINE, Editor, RefusedError, editing, place, run, span
from starcoder_cli.commands.groups import ContextFlags
from starcoder_cli.lsp.uris import uri_of

URI = "untitled:a"
CODE = "def add(a, b):\n    return \n\nprint(add(1, 2))\n"
ASKED = "<fim_prefix>def add(a, b):\n    return <fim_suffix>\n\nprint(add(1, 2))\n<fim_middle>"
LONG = 3600.0


async def automatic(editor: Editor, line: int, character: int) -> list[Any]:
    """Inline completions that nobody asked for."""
    return await editor.inline(URI, line, character, triggerKind=2)


def test_a_completion_is_the_hole_at_the_cursor() -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, CODE)
            for kind in (1, 2):
                (item,) = await editor.inline(URI, 1, 11, triggerKind=kind)
                assert item == {"insertText": ASKED, "range": span((1, 11), (1, 11))}

    run(session())


def test_lines_end_as_in_the_document() -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, CODE.replace("\n", "\r\n"))
            (item,) = await editor.inline(URI, 1, 11)
            assert item["insertText"] == ASKED.replace("\n", "\r\n")

    run(session())


def test_a_completion_goes_on_behind_a_suggestion_that_is_shown() -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, "import os\nos.pa\nprint()\n")
            selected = {"range": span((1, 3), (1, 5)), "text": "path.join( "}
            (item,) = await editor.inline(URI, 1, 5, selectedCompletionInfo=selected)
            assert item["range"] == selected["range"]
            assert item["insertText"] == (
                "path.join( <fim_prefix>import os\nos.path.join( <fim_suffix>\nprint()\n"
                "<fim_middle>"
            )
            hostile = {"range": span((9, 3), (0, 5)), "text": ""}
            assert await editor.inline(URI, 1, 5, selectedCompletionInfo=hostile)

    run(session())


def test_plain_completions_for_an_editor_without_inline_ones() -> None:
    async def session() -> None:
        async with editing({}) as editor:
            editor.open(URI, CODE)
            found = await editor.request("textDocument/completion", place(URI, 1, 11))
            assert found["isIncomplete"] is True
            (item,) = found["items"]
            assert item["textEdit"] == {"range": span((1, 11), (1, 11)), "newText": ASKED}
            assert item["label"] == "<fim_prefix>def add(a, b):"
            assert item["detail"] == "echo"
            none = await editor.request("textDocument/completion", place("untitled:b", 1, 11))
            assert none == {"isIncomplete": False, "items": []}

    run(session())


@pytest.mark.parametrize("method", ["getCompletions", "getCompletionsCycling"])
def test_completions_for_clients_of_copilot(method: str) -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, CODE, version=7)
            where = {"line": 1, "character": 11}
            found = await editor.request(method, {"doc": {"uri": URI, "position": where}})
            (item,) = found["completions"]
            assert item.pop("uuid")
            assert item == {
                "text": f"    return {ASKED}",
                "displayText": ASKED,
                "range": span((1, 0), (1, 11)),
                "position": where,
                "docVersion": 7,
            }
            for wrong in (None, {}, {"doc": 1}, {"doc": {"uri": "untitled:b", "position": where}}):
                assert await editor.request(method, wrong) == {"completions": []}

    run(session())


def test_a_newer_question_is_answered_and_the_older_is_not() -> None:
    async def session() -> None:
        async with editing(debounce=LONG) as editor:
            editor.open(URI, CODE)
            older = asyncio.ensure_future(automatic(editor, 0, 0))
            await editor.settle()
            assert len(await editor.inline(URI, 1, 11)) == 1
            assert await asyncio.wait_for(older, 60) == []

    run(session())


@pytest.mark.parametrize("leaving", ["change", "close"])
def test_a_question_about_a_text_that_is_gone_is_given_up(leaving: str) -> None:
    async def session() -> None:
        async with editing(debounce=LONG) as editor:
            editor.open(URI, CODE)
            editor.open("untitled:b", CODE)
            asked = asyncio.ensure_future(automatic(editor, 0, 0))
            await editor.settle()
            editor.change("untitled:b", 2, {"text": "x"})
            await editor.settle()
            assert not asked.done()
            if leaving == "change":
                editor.change(URI, 2, {"range": span((0, 0), (0, 0)), "text": "x"})
            else:
                editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
            assert await asyncio.wait_for(asked, 60) == []

    run(session())


def test_a_change_right_behind_a_question_is_seen() -> None:
    """As when both were waiting to be read: the question is about the text as it was."""

    async def session() -> None:
        async with editing(debounce=LONG) as editor:
            editor.open(URI, CODE)
            await editor.settle()
            params = {**place(URI, 1, 11), "context": {"triggerKind": 2}}
            _, asked = editor.ask("textDocument/inlineCompletion", params)
            editor.change(URI, 2, {"range": span((0, 0), (0, 0)), "text": "x"})
            assert await asyncio.wait_for(asked, 60) == []

    run(session())


def test_a_question_that_is_cancelled_is_answered_so() -> None:
    async def session() -> None:
        async with editing(debounce=LONG) as editor:
            editor.open(URI, CODE)
            params = {**place(URI, 0, 0), "context": {"triggerKind": 2}}
            number, answer = editor.ask("textDocument/inlineCompletion", params)
            await editor.settle()
            editor.notify("$/cancelRequest", {"id": number})
            with pytest.raises(RefusedError) as refused:
                await asyncio.wait_for(answer, 60)
            assert refused.value.code == -32800
            editor.notify("$/cancelRequest", {"id": number})
            assert len(await editor.inline(URI, 1, 11)) == 1

    run(session())


def test_what_fails_is_one_line_in_the_log_and_no_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def session() -> None:
        async with editing(context=ContextFlags(include=["/no/such/file"])) as editor:
            editor.open(URI, CODE)
            for _ in range(2):
                assert await editor.inline(URI, 1, 11) == []
            logged = [each["message"] for each in editor.said("window/logMessage")]
            assert len(logged) == 1 and "/no/such/file" in logged[0]

    run(session())
    assert capsys.readouterr().err.count("\n") == 1


def test_what_is_open_elsewhere_is_read_with_time_for_it(tmp_path: Path) -> None:
    uri = uri_of(str(tmp_path / "a.py"))

    async def session() -> None:
        async with editing(INLINE) as editor:
            editor.notify(
                "workspace/didChangeConfiguration", {"settings": {"starcoder": {"context": 60}}}
            )
            await editor.settle()
            editor.open("untitled:other.py", "RATE = 1\n" * 40)
            where = span((20, 0), (20, 0))
            editor.change("untitled:other.py", 2, {"range": where, "text": "RATES = {}\n"})
            editor.open(uri, CODE)
            (item,) = await editor.inline(uri, 1, 11)
            assert "RATES = {}" in item["insertText"]
            assert item["insertText"].index("RATES") < item["insertText"].index("def add")

    run(session())


def test_a_document_that_is_too_large_is_said_to_be() -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, "x" * (17 << 20))
            assert await editor.inline(URI, 0, 10) == []
            (logged,) = editor.said("window/logMessage")
            assert "too large" in logged["message"]

    run(session())
