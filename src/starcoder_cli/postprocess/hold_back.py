"""Holds text back until it is decided: what may be the beginning of an end is not shown yet.

How the text is split into chunks makes no difference to what is passed on.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from starcoder_cli.stream import Chunk, Stream, closing_source

EndCheck: TypeAlias = Callable[[str, bool], tuple[int, str]]
"""Given all of the text so far and whether it is complete, returns how many characters can be
shown, and the name of the rule that ends it there, which is empty if it continues."""


def hold_back(chunks: Iterable[Chunk], judge: EndCheck) -> Stream:
    """Yield the text as far as it is decided, for as long as the judge lets it continue."""
    text, passed = "", 0
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            end, rule = judge(text, bool(chunk.reason))
            if rule:
                names = (*chunk.trimmed, rule)
                yield replace(chunk, text=text[passed:end], reason="stop", trimmed=names)
                return
            yield replace(chunk, text=text[passed:end])
            passed = max(passed, end)
    if text[passed:]:
        end, rule = judge(text, True)
        yield Chunk(text[passed:end], 0, "stop", trimmed=(rule,) if rule else ())
