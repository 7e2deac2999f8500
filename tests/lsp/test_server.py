"""A session of an editor: what the server can, settings, documents, hostile positions."""

import pytest

from editors import INLINE, RefusedError, editing, place, run, span

URI = "untitled:a"


def test_the_server_says_what_it_can() -> None:
    async def session() -> None:
        async with editing() as editor:
            able = editor.server.server_capabilities
            assert able.inline_completion_provider
            assert able.completion_provider is None
            assert able.execute_command_provider
            assert list(able.execute_command_provider.commands) == ["starcoder.edit"]
        async with editing({}) as editor:
            able = editor.server.server_capabilities
            assert able.inline_completion_provider and able.completion_provider

    run(session())


@pytest.mark.parametrize(
    ("encoding", "character"), [("utf-8", 9), ("utf-16", 7), ("utf-32", 6), (None, 7)]
)
def test_positions_are_counted_as_negotiated(encoding: str | None, character: int) -> None:
    async def session() -> None:
        general = {"general": {"positionEncodings": [encoding]}} if encoding else {}
        async with editing({**INLINE, **general}) as editor:
            editor.open(URI, "a = '😀'b\n")
            edit = {"range": span((0, character), (0, character)), "text": "c"}
            editor.change(URI, 2, edit)
            (item,) = await editor.inline(URI, 0, character + 1)
            document = editor.server.documents.find(URI)
            assert document and document.text == "a = '😀c'b\n"
            assert item["insertText"] == "<fim_prefix>a = '😀<fim_suffix>'b\n<fim_middle>c"
            assert item["range"] == span((0, character + 1), (0, character + 1))

    run(session())


def test_settings_of_the_beginning_and_of_the_workspace() -> None:
    async def session() -> None:
        wanted = {**INLINE, "workspace": {"configuration": True}}
        settings = {"max_tokens": 7, "lines": "one"}
        async with editing(wanted, settings=settings, answers=CONFIGURATION) as editor:
            request = editor.server.options.request
            assert (request.sampling.max_tokens, request.infill.lines) == (9, "one")
            assert editor.said("workspace/configuration") == [{"items": [{"section": "starcoder"}]}]
            editor.notify(
                "workspace/didChangeConfiguration", {"settings": {"starcoder": {"debounce": 1}}}
            )
            await editor.settle()
            options = editor.server.options
            assert (options.debounce, options.request.sampling.max_tokens) == (1.0, 7)
            editor.notify("workspace/didChangeConfiguration", {"settings": None})
            await editor.settle()
            assert editor.server.options.request.sampling.max_tokens == 9

    run(session())


CONFIGURATION = {"workspace/configuration": lambda params: [{"max_tokens": 9}]}


@pytest.mark.parametrize("answer", [[None], [], [3], [{"starcoder": 4}]])
def test_an_editor_without_settings(answer: object) -> None:
    async def session() -> None:
        wanted = {**INLINE, "workspace": {"configuration": True}}
        answers = {"workspace/configuration": lambda params: answer}
        async with editing(wanted, answers=answers) as editor:
            assert editor.server.options.request.sampling.max_tokens == 128
            assert editor.said("window/showMessage") == []

    run(session())


def test_wrong_settings_are_shown_once_and_the_others_hold() -> None:
    async def session() -> None:
        settings = {"max_tokens": "many", "max_tokes": 1, "model": "none", "seed": 4, "top_p": 7}
        async with editing(settings=settings) as editor:
            shown = [each["message"] for each in editor.said("window/showMessage")]
            assert [text.split("'")[1] for text in shown] == [
                "max_tokens",
                "max_tokes",
                "model",
                "top_p",
            ]
            assert "did you mean max_tokens" in shown[1]
            request = editor.server.options.request
            assert (request.model, request.sampling.seed) == ("echo", 4)
            editor.notify(
                "workspace/didChangeConfiguration", {"settings": {"starcoder": {"seed": 5}}}
            )
            await editor.settle()
            assert len(editor.said("window/showMessage")) == 4
            assert editor.server.options.request.sampling.seed == 5

    run(session())


POSITIONS = [(9, 9), (0, 99), (2**31 - 1, 2**31 - 1), (0, 0)]


@pytest.mark.parametrize(("line", "character"), POSITIONS)
def test_positions_that_are_not_in_the_text_are_the_nearest(line: int, character: int) -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, "a\nb")
            assert len(await editor.inline(URI, line, character)) == 1
            where = span((line, character), (0, 0))
            editor.change(URI, 2, {"range": where, "text": ""})
            assert len(await editor.inline(URI, line, character)) == 1

    run(session())


@pytest.mark.parametrize("position", [{"line": -1, "character": 0}, {"line": "a"}, None, [], 2**40])
def test_what_is_no_position_is_answered_with_an_error(position: object) -> None:
    async def session() -> None:
        async with editing() as editor:
            editor.open(URI, "a\n")
            params = {**place(URI, 0, 0), "position": position, "context": {"triggerKind": 1}}
            with pytest.raises(RefusedError) as refused:
                await editor.request("textDocument/inlineCompletion", params)
            assert refused.value.code in (-32602, -32603)
            change = {"range": {"start": position, "end": position}, "text": "x"}
            editor.change(URI, 2, change)
            assert len(await editor.inline(URI, 0, 0)) == 1

    run(session())


def test_documents_that_are_not_open_have_no_answer() -> None:
    async def session() -> None:
        async with editing() as editor:
            assert await editor.inline("untitled:none", 0, 0) == []
            editor.change("untitled:none", 2, {"text": "a"})
            editor.open(URI, "a\n")
            editor.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
            assert await editor.inline(URI, 0, 0) == []
            logged = [each["message"] for each in editor.said("window/logMessage")]
            assert logged == ["untitled:none was changed, and is not open"]

    run(session())


def test_requests_that_there_are_not() -> None:
    async def session() -> None:
        async with editing() as editor:
            with pytest.raises(RefusedError) as refused:
                await editor.request("textDocument/hover", place(URI, 0, 0))
            assert refused.value.code == -32601
            with pytest.raises(RefusedError, match="no command 'other'"):
                await editor.request("workspace/executeCommand", {"command": "other"})
            editor.notify("$/setTrace", {"value": "off"})
            editor.notify("unknown/thing", {"a": 1})

    run(session())


def test_an_end_is_right_after_a_shutdown() -> None:
    async def session() -> None:
        async with editing() as editor:
            protocol = editor.server.protocol
            assert not protocol.is_shut_down
            assert await editor.request("shutdown", None) is None
            assert protocol.is_shut_down and not protocol.ended.is_set()
            editor.notify("exit", None)
            assert protocol.ended.is_set()

    run(session())
