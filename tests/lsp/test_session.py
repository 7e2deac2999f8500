"""What a session says: each line here and to its client, once in a row."""

import pytest

from editors import editing, run
from starcoder_cli.errors import InputError


def test_the_same_line_is_said_once_in_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    async def session() -> None:
        async with editing() as editor:
            for text in ("a", "a", "b\nc", "a"):
                editor.server.log(text)
            error = InputError("it is not here", "get it")
            editor.server.report_server_error(error, type(error))
            logged = [each["message"] for each in editor.said("window/logMessage")]
            assert logged == capsys.readouterr().err.splitlines()
            assert logged[0::3] == ["a", "error: it is not here; get it"]
            assert len(logged) == 4

    run(session())
