"""Answers for holes, cut into chunks of every size, and what is left of them.

In each case `«` and `»` stand around the hole: what is between them is what the model says, and the
text in front of `¦`, or of `»` where there is none, is what belongs in the hole.
"""

from collections.abc import Iterable

import pytest

from starcoder_cli import languages
from starcoder_cli.files.source import Source, Span
from starcoder_cli.postprocess.trim import choose_line_mode, trim_answer
from starcoder_cli.stream import Chunk, Stream, collect


def chunked(text: str, size: int) -> Stream:
    """A text in chunks of one size, the last of which says why it is the last."""
    return cut_up([text[at : at + size] for at in range(0, len(text), size)] or [""])


def cut_up(pieces: list[str]) -> Stream:
    """Pieces of a text, the last of which says why it is the last."""
    yield from (Chunk(piece) for piece in pieces[:-1])
    yield Chunk(pieces[-1], reason="stop")


def text_of(chunks: Iterable[Chunk]) -> str:
    """The whole text of some chunks."""
    return "".join(chunk.text for chunk in chunks)


def cases(*tables: dict[str, str]) -> pytest.MarkDecorator:
    """A test for each row of some tables."""
    rows = [pytest.param(case, id=name) for table in tables for name, case in table.items()]
    return pytest.mark.parametrize("case", rows)


def check(case: str, language: str, *names: str) -> None:
    """Compare what is left of an answer with what belongs in its hole, for every size of chunks.

    With names, also compare the rules that are told to have trimmed it.
    """
    before, answer, after = case.removeprefix("\n").replace("»", "«").split("«")
    parts = answer.split("¦")
    wanted = parts[1] if len(parts) == 3 else parts[0]
    answer = "".join(parts)
    source, at = Source("f", before + after), len(before)
    hole = source.hole_at(Span(at, at))
    lines = choose_line_mode(hole, inside_line=source.is_inside_line(Span(at, at)))
    for size in [*range(1, 20), len(answer) + 1]:
        chunks = chunked(answer, size)
        kept = collect(trim_answer(chunks, hole, languages.find_language(language), lines))
        assert kept.text == wanted, f"in chunks of {size}"
        assert not names or kept.trimmed == names, f"in chunks of {size}"
