"""Edits of a selection: offered, made, put in by the client, and refused."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from editors import INLINE, Editor, RefusedError, editing, run, span

URI = "untitled:a"
CODE = "def twice(a):\n    return a + a\n"
WHOLE = span((0, 0), (2, 0))
APPLY = "workspace/applyEdit"
VERSIONED = {**INLINE, "workspace": {"workspaceEdit": {"documentChanges": True}}}


def asking(**given: object) -> dict[str, Any]:
    """The request for an edit of the whole text."""
    arguments = {"uri": URI, "range": WHOLE, "instruction": "Add type hints.", **given}
    return {"command": "starcoder.edit", "arguments": [arguments]}


def accept(params: object) -> Mapping[str, object]:
    """An editor that applies what it is given."""
    return {"applied": True}


async def actions(editor: Editor, where: object, **context: object) -> list[Any]:
    """The code actions for a range."""
    params = {
        "textDocument": {"uri": URI},
        "range": where,
        "context": {"diagnostics": [], **context},
    }
    found: list[Any] = await editor.request("textDocument/codeAction", params)
    return found


def test_the_edits_of_the_options_are_offered_for_a_selection() -> None:
    async def session() -> None:
        async with editing(instruction=["Do this.", "Do that."]) as editor:
            editor.open(URI, CODE)
            found = await actions(editor, WHOLE)
            assert [each["title"] for each in found] == [
                "starcoder: Do this.",
                "starcoder: Do that.",
            ]
            assert {each["kind"] for each in found} == {"refactor.rewrite"}
            assert found[0]["command"] == {
                "title": "Do this.",
                **asking(instruction="Do this."),
            }
            assert await actions(editor, span((0, 3), (0, 3))) == []
            assert await actions(editor, span((0, 3), (0, 4))) == []
            editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
            assert await actions(editor, WHOLE) == []

    run(session())


@pytest.mark.parametrize(
    ("only", "count"),
    [(["refactor"], 3), (["refactor.rewrite"], 3), ([""], 3), (["quickfix"], 0), (["ref"], 0)],
)
def test_only_kinds_that_are_asked_for_are_offered(only: list[str], count: int) -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, CODE)
            assert len(await actions(editor, WHOLE, only=only)) == count

    run(session())


def test_an_edit_is_of_the_version_that_was_asked_about() -> None:
    async def session() -> None:
        async with editing(VERSIONED, answers={APPLY: accept}) as editor:
            editor.open(URI, CODE, version=3)
            assert await editor.request("workspace/executeCommand", asking()) is None
            (applied,) = editor.said(APPLY)
            (change,) = applied["edit"]["documentChanges"]
            assert change["textDocument"] == {"uri": URI, "version": 3}
            (edit,) = change["edits"]
            assert edit == {"range": WHOLE, "newText": "<|im_start|>user\nCode:"}

    run(session())


def test_an_editor_that_knows_no_versions_has_the_change_alone() -> None:
    async def session() -> None:
        async with editing(answers={APPLY: accept}) as editor:
            editor.open(URI, CODE)
            await editor.request("workspace/executeCommand", asking())
            (applied,) = editor.said(APPLY)
            assert list(applied["edit"]["changes"]) == [URI]

    run(session())


def test_an_edit_of_a_document_that_has_changed_is_refused() -> None:
    async def session() -> None:
        async with editing(VERSIONED, answers={APPLY: accept}) as editor:
            editor.open(URI, CODE)
            _, answer = editor.ask("workspace/executeCommand", asking())
            await asyncio.sleep(0)
            editor.change(URI, 2, {"range": span((0, 0), (0, 0)), "text": "\n"})
            with pytest.raises(RefusedError, match="has changed in the meantime") as refused:
                await asyncio.wait_for(answer, 60)
            assert refused.value.code == -32803
            assert editor.said(APPLY) == []

    run(session())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"uri": "untitled:b"}, "untitled:b is not open"),
        ({"instruction": " "}, "takes one object with uri, range and instruction"),
        ({"range": None}, "takes one object with uri, range and instruction"),
        ({"range": span((5, 0), (5, 0))}, "there is no code to edit here"),
    ],
)
def test_an_edit_that_cannot_be_is_an_error(given: dict[str, object], message: str) -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, CODE)
            with pytest.raises(RefusedError, match=message):
                await editor.request("workspace/executeCommand", asking(**given))

    run(session())


def test_an_edit_that_the_editor_does_not_apply_is_an_error() -> None:
    async def session() -> None:
        for reason in ({}, {"failureReason": "read only"}):
            refuse = {APPLY: lambda params, reason=reason: {"applied": False, **reason}}
            async with editing(answers=refuse) as editor:
                editor.open(URI, CODE)
                with pytest.raises(RefusedError, match="the editor refused the edit") as refused:
                    await editor.request("workspace/executeCommand", asking())
                assert reason.get("failureReason", "no reason") in str(refused.value)

    run(session())
