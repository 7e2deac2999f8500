"""Control tokens that appear in user text: cut in two, they are plain text to every tokenizer."""

import re
from collections.abc import Iterable
from itertools import pairwise


def cut_inside(text: str, tokens: Iterable[str]) -> list[str]:
    """Split a text after the first character of each of these tokens found in it.

    The tokens have more than one character; overlapping ones are cut too.
    """
    places = {
        match.start() + 1
        for token in tokens
        if token in text
        for match in re.finditer(f"(?={re.escape(token)})", text)
    }
    return [text[start:end] for start, end in pairwise((0, *sorted(places), len(text)))]
