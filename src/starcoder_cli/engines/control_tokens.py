"""Control tokens that user text has in it: cut in two, they are text to every tokenizer."""

import re
from collections.abc import Iterable
from itertools import pairwise


def cut_inside(text: str, tokens: Iterable[str]) -> list[str]:
    """The parts of a text that is cut behind the first character of each of these tokens in it.

    The tokens have more than one character, and what overlaps is cut too.
    """
    places = {
        match.start() + 1
        for token in tokens
        if token in text
        for match in re.finditer(f"(?={re.escape(token)})", text)
    }
    return [text[start:end] for start, end in pairwise((0, *sorted(places), len(text)))]
