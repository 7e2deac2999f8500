"""An answer does not close what the text behind it closes."""

from collections.abc import Iterable
from dataclasses import replace

from starcoder_cli.brackets import brackets
from starcoder_cli.languages import Language
from starcoder_cli.source import Hole
from starcoder_cli.stream import Chunk, Stream, closing_source


def until_closer(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer up to a closing bracket that belongs to the suffix.

    The prefix leaves so many brackets open, and the suffix closes so many of them: the answer may
    close the rest. A line counts as a whole, since `} else {` closes nothing.
    """
    before = brackets(hole.prefix, language)
    if not before.in_code:
        with closing_source(chunks) as source:
            yield from source
        return
    spare = max(before.unclosed - brackets(hole.suffix, language).unopened, 0)
    text, shown = "", 0
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            place, sure = extra_closer(text, text, spare, language, last=bool(chunk.reason))
            if not chunk.reason:
                # A quote that its line does not close was no string: its brackets count after all.
                other, agreed = extra_closer(text, text + " \n", spare, language, last=False)
                sure = sure and agreed and place == other
                place = min((each for each in (place, other) if each is not None), default=None)
            if sure:
                end = shown + len(without_gap(text[shown:place], hole))
                cut = (*chunk.trimmed, "closers")
                yield replace(chunk, text=text[shown:end], reason="stop", trimmed=cut)
                return
            # White space may stand before a bracket that ends the answer, and goes with it.
            end = len(text) if chunk.reason else len(text[:place].rstrip())
            yield replace(chunk, text=text[shown:end])
            shown = max(shown, end)
    if text[shown:]:
        yield Chunk(text[shown:], 0, "stop")


def extra_closer(
    text: str, read: str, spare: int, language: Language, *, last: bool
) -> tuple[int | None, bool]:
    """Where a line closes more than `spare` brackets that nothing before opened, and if that holds.

    It does not where the line opens as many again, which is known at its end, or with the `last`
    of the text. Its brackets are those of the text as it is `read`.
    """
    depth, first, end = spare, None, 0
    for place, step in brackets(read, language).steps:
        if place >= end:
            if first is not None and depth < 0:
                return first, True
            first, end = None, line_end(text, place)
        depth += step
        if depth < 0 and first is None:
            first = place
    whole = last or end < len(text)
    if first is not None and depth < 0:
        return first, whole
    return None if whole else first, False


def without_gap(text: str, hole: Hole) -> str:
    """A text without the white space at its end that the suffix has, or that leads a closer."""
    if hole.suffix.startswith("\n"):
        return text.rstrip()
    line = text.rpartition("\n")[2]
    return text[: len(text) - len(line)] if "\n" in text and not line.strip() else text


def line_end(text: str, place: int) -> int:
    """Where the line of a place ends: at its line feed, or with the text."""
    end = text.find("\n", place)
    return len(text) if end < 0 else end
