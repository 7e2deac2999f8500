"""Token healing: an answer that begins inside a token is begun anew where that token may begin.

A model has seen ` return` as one token and hardly ever ` retu` before `rn`: behind half a token it
guesses badly. So the prompt ends before the last word, space or sign, and the answer has to begin
with what was left out (Lundberg 2023, "The Art of Prompt Design: Prompt Boundaries and Token
Healing").
"""

import re

MOST = 24
BEGUN = re.compile(rf" ?(?<!\w)\w{{1,{MOST}}}\Z|(?<=\S)[ \t]{{1,{MOST}}}\Z| ?[^\w\s]{{1,4}}\Z")


def healed(text: str) -> tuple[str, str]:
    """A text without its last word, space or sign, and what was taken away.

    Nothing is taken from the end of a line, from indentation, nor all of a text.
    """
    match = BEGUN.search(text)
    at = match.start() if match and match.start() else len(text)
    return text[:at], text[at:]


def fits(text: str, begun: str) -> bool:
    """Whether a piece of an answer agrees with what the answer has to begin with."""
    return bool(text) and (text.startswith(begun) or begun.startswith(text))
