"""Messages of known and unknown kinds, and settings in what clients send."""

import pytest

from editors import RefusedError, editing, run
from starcoder_cli.lsp.protocol import failure, settings_of

PARAMETERS: list[object] = [None, [], {}, {"textDocument": 1}, "a"]


def test_messages_of_unknown_kinds_keep_their_parameters() -> None:
    async def session() -> None:
        async with editing() as editor:
            structure = editor.server.protocol.structure_message
            params: dict[str, object] = {"a-b": {"c": [1, None]}}
            message = {"jsonrpc": "2.0", "method": "getCompletions", "params": params}
            assert structure({**message, "id": 3}).params == params
            assert structure(message).params == params
            assert structure({"a": 1}) == {"a": 1}

    run(session())


@pytest.mark.parametrize("method", ["textDocument/inlineCompletion", "textDocument/codeAction"])
def test_what_is_not_of_the_form_is_answered(method: str) -> None:
    async def session() -> None:
        async with editing() as editor:
            for params in PARAMETERS:
                with pytest.raises(RefusedError):
                    await editor.request(method, params)

    run(session())


def test_a_failure_is_a_sentence() -> None:
    assert (failure("it is gone").message, failure("a").code) == ("it is gone", -32803)


@pytest.mark.parametrize(
    ("value", "settings"),
    [
        (None, {}),
        (3, {}),
        ([], {}),
        ({"starcoder": None}, {}),
        ({"starcoder": {"seed": 1}}, {"seed": 1}),
        ({"seed": 1}, {"seed": 1}),
    ],
)
def test_settings_under_our_name_or_by_themselves(
    value: object, settings: dict[str, object]
) -> None:
    assert settings_of(value) == settings
