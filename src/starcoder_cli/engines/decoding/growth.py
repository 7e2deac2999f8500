"""How many times longer a tokenizer's steps make a text, by what its file says about them.

Steps follow each other: ten that each write ten letters for one would fill any memory.
"""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Mapping
from math import prod

MAX_GROWTH = 512
"""Of known tokenizers, those with the table of SentencePiece come closest: about two hundred."""

MAX_STEPS = 64

Step = Mapping[str, object]


def grows_too_much(parts: Iterable[bytes]) -> bool:
    """Whether the parts of a tokenizer, given as JSON, make a text too much longer together."""
    steps = list(_steps(map(json.loads, parts)))
    return len(steps) > MAX_STEPS or prod(map(growth_of, steps)) > MAX_GROWTH


def _steps(parts: Iterable[object]) -> Iterator[Step]:
    """The steps in the parts of a tokenizer, at any depth of their sequences."""
    waiting = list(parts)
    while waiting:
        step = waiting.pop()
        if isinstance(step, dict):
            yield step
            if step.get("type") == "Sequence":
                waiting += [each for value in step.values() for each in _list(value)]


def growth_of(step: Step) -> float:
    """How many times longer a step makes a text at most; steps of a fixed kind count as once."""
    match step:
        case {"type": "Replace", "pattern": {"String": str(pattern)}, "content": str(content)}:
            return max(1, _size(content) / _size(pattern)) if pattern else 1 + _size(content)
        case {"content": str(content), "type": "Replace"}:
            return 1 + _size(content)  # a regular expression may match nothing at each place
        case {"prepend": str(content)}:
            return 1 + _size(content)
        case {"type": "ByteLevel"}:
            return 2  # a letter for each byte
        case {"precompiled_charsmap": str(table)}:
            return _longest_text(table)
        case {"single": single, "special_tokens": dict(tokens)}:
            lengths = [len(_list(token.get("ids"))) for token in tokens.values()]
            return len(_list(single)) * max(lengths, default=1)
    return 1


def _longest_text(table: str) -> int:
    """The longest text in SentencePiece's table: texts after a tree, whose size comes first."""
    try:
        data = b64decode(table)
    except Base64Error:
        return MAX_GROWTH + 1
    texts = data[4 + int.from_bytes(data[:4], "little") :].split(b"\0")
    return max(1, *map(len, texts))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
