"""Texts of a given length for a model to read: code, the way this program is written."""

import os
from bisect import bisect_right
from functools import cache
from pathlib import Path

from starcoder_cli.model import Model

LONGEST_TOKEN = 16
"""Characters of code that no model gets more of out of a token, on the whole."""

CHANGED = 16
"""Tokens, about, in which an edited prompt differs from the one before."""

END = "\n\n\ndef mean(values):\n    return sum(values) / len(values)\n"


def unseen(model: Model, tokens: int) -> str:
    """A text of so many tokens, which begins like none that any model has read before."""
    return cut(model, f"# {os.urandom(8).hex()}\n{code()}", tokens)


def edited(model: Model, text: str, tokens: int) -> str:
    """A text of so many tokens with another end, which is all that has to be read again."""
    return cut(model, text, max(tokens - CHANGED, 1)) + cut(model, END, CHANGED)


def cut(model: Model, text: str, tokens: int) -> str:
    """The beginning of a text that has so many tokens; all of a text that has fewer."""
    most = min(len(text), tokens * LONGEST_TOKEN)
    end = bisect_right(range(1, most + 1), tokens, key=lambda at: model.count(text[:at]))
    return text[:end]


@cache
def code() -> str:
    """The source of this program."""
    root = Path(__file__).parents[1]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py")))
