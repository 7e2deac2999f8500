"""Answers for holes, cut into chunks of every size, and what is left of them.

In each case `«` and `»` stand around the hole: what is between them is what the model says. Text in
front of `¦` is what belongs in the hole: there the model runs on, and is cut off in the end. Where
there is no `¦` it stops by itself.
"""

from collections.abc import Iterable

import pytest

from starcoder_cli import languages
from starcoder_cli.files.source import Source, Span
from starcoder_cli.postprocess.trim import choose_line_mode, trim_answer
from starcoder_cli.postprocess.trim_options import PROSE_LANGUAGES, TrimOptions
from starcoder_cli.stream import Chunk, FinishReason, Stream, collect


def chunked(text: str, size: int, reason: FinishReason = "stop") -> Stream:
    """A text in chunks of one size, the last of which says why it is the last."""
    return cut_up([text[at : at + size] for at in range(0, len(text), size)] or [""], reason)


def cut_up(pieces: list[str], reason: FinishReason = "stop") -> Stream:
    """Pieces of a text, the last of which says why it is the last."""
    yield from (Chunk(piece) for piece in pieces[:-1])
    yield Chunk(pieces[-1], reason=reason)


def text_of(chunks: Iterable[Chunk]) -> str:
    """The whole text of some chunks."""
    return "".join(chunk.text for chunk in chunks)


def cases(*tables: dict[str, str]) -> pytest.MarkDecorator:
    """A test for each row of some tables."""
    rows = [pytest.param(case, id=name) for table in tables for name, case in table.items()]
    return pytest.mark.parametrize("case", rows)


def check(case: str, language: str, *names: str, is_prose: bool | None = None) -> None:
    """Compare what is left of an answer with what belongs in its hole, for every size of chunks.

    It is the same for an answer that is watched and for one that is not. With names, also compare
    the rules that are told to have trimmed it.
    """
    for live in (True, False):
        check_answer(case, language, *names, is_prose=is_prose, live=live)


def check_answer(
    case: str, language: str, *names: str, is_prose: bool | None = None, live: bool
) -> None:
    """The same for an answer that is watched while it is made, or for one that is not."""
    before, answer, after = case.removeprefix("\n").replace("»", "«").split("«")
    parts = answer.split("¦")
    wanted = parts[1] if len(parts) == 3 else parts[0]
    answer = "".join(parts)
    source, at = Source("f", before + after), len(before)
    hole = source.hole_at(Span(at, at))
    lines = choose_line_mode(hole, inside_line=source.is_inside_line(Span(at, at)))
    for size in [*range(1, 20), len(answer) + 1]:
        chunks = chunked(answer, size, "length" if len(parts) > 1 else "stop")
        found = languages.find_language(language)
        prose = found.name in PROSE_LANGUAGES if is_prose is None else is_prose
        options = TrimOptions(found, lines, is_prose=prose, live=live)
        kept = collect(trim_answer(chunks, hole, options))
        assert kept.text == wanted, f"in chunks of {size}"
        assert not names or kept.trimmed == names, f"in chunks of {size}"
