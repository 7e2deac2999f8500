"""The text of a script with its tables put in."""

import re
from collections.abc import Iterable, Mapping


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text in which each `@NAME@` has become its value."""
    return re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], text)


def block(indent: int, lines: Iterable[str], end: str = "") -> str:
    """Lines under each other, with `end` between them."""
    return f"{end}\n".join(" " * indent + line for line in lines)
