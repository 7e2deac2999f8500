"""The options that `complete` and `fill` share, as the request that they are."""

import pytest

from starcoder_cli.commands.groups import EndingFlags, ModelFlags, TextFlags
from starcoder_cli.commands.hole_groups import CompletionFlags, HoleFlags
from starcoder_cli.context.reading_limit import ReadingLimit
from starcoder_cli.errors import UsageError
from starcoder_cli.infill import InfillOptions

LIMIT = ReadingLimit(way="; --max-prompt-tokens reads more")


def test_flags_become_a_request() -> None:
    flags = HoleFlags(
        model="echo",
        text=TextFlags("python", "a.py", "spm"),
        ending=EndingFlags(["x"], "one", True),
        opening=ModelFlags(timeout=3.0),
    )
    request = flags.request(fim=True)
    assert request.infill == InfillOptions(
        fim=True, stop=("x",), order="spm", lines="one", raw=True, reading_limit=LIMIT
    )
    assert (request.model, request.lang, request.filename) == ("echo", "python", "a.py")
    assert (flags.timeout, request.candidates.n) == (3.0, 1)


def test_a_completion_may_begin_like_a_solution() -> None:
    flags = CompletionFlags(model="echo")
    assert not flags.text.prompted
    assert flags.request(fim=False, prompted=True).infill == InfillOptions(
        prompted=True, reading_limit=LIMIT
    )


def test_what_has_no_meaning_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="an empty --stop"):
        HoleFlags(model="echo", ending=EndingFlags([""])).request(fim=True)
