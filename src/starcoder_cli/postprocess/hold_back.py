"""Text that is held back until it is decided: what may be the beginning of an end is not shown yet.

How the text is cut into chunks makes no difference to what is passed on.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from starcoder_cli.stream import Chunk, Stream, closing_source

EndCheck: TypeAlias = Callable[[str, bool], tuple[int, str]]
"""Given all of the text so far and whether it is whole, how many characters of it can be shown, and
the name of the rule that ends it there; empty where it goes on."""


def hold_back(chunks: Iterable[Chunk], judge: EndCheck) -> Stream:
    """The text for as long as a judge lets it go on, as far as it is decided."""
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
