"""Whether a tokenizer takes time out of proportion to the length of a text.

The regular expressions in its file can backtrack without end, and nothing interrupts them. So some
texts are encoded that grow little by little: time that explodes is noticed while it is short.
"""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CODE = 'def total(self, x: list[int]) -> str:\n    """Ünter."""\n    return {"a": x[0] / 12}\n'
UNITS = (CODE, "a", "A", "1", " ", "\n", "_")
MAX_CHARACTERS = 2048
NOTICED_SECONDS = 0.02
"""Of known tokenizers the slowest takes two milliseconds for as many characters."""

TIMES_SHORTER = 8
MAX_RATIO = 24
"""A text that is eight times as long takes eight times as long, or 64 times: the square of that."""


def is_too_slow(tokenizer: "Tokenizer") -> bool:
    """Whether the time to encode a text grows with the square of its length, or faster."""

    def seconds(text: str) -> float:
        begin = time.thread_time()
        tokenizer.encode(text, add_special_tokens=False)
        return time.thread_time() - begin

    size = TIMES_SHORTER
    while size <= MAX_CHARACTERS:
        for unit in UNITS:
            text = (unit * (size // len(unit) + 1))[:size]
            if seconds(text) > NOTICED_SECONDS:
                short = text[: size // TIMES_SHORTER]
                long_time, short_time = (min(map(seconds, [each] * 3)) for each in (text, short))
                if long_time > short_time * MAX_RATIO:
                    return True
        size *= 2
    return False
