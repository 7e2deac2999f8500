"""What a file says about a function in passing, and calls that tell answers apart."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

ARROW = re.compile(r"\s*(?:==+|=>|->|➞|→|⇒|\breturns?\b|(?:#|//)\s*(?:=>|->)?)\s*")
MAX_EXAMPLES = 20
MAX_LINE_CHARACTERS = 500


@dataclass(frozen=True)
class Evidence:
    """What is run to judge an answer, none of it written by the model.

    `sessions` are docstrings with examples, `statements` pass if they raise nothing. `calls` are
    an expression for a function, and one for a list or tuple of its arguments.
    """

    sessions: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()


def find_prose_examples(name: str, text: str) -> list[str]:
    """What a text says in passing about calls of a function, such as `mean([1, 3]) -> 2`.

    Each is a comparison of a call of literals with a literal.
    """
    return list(dict.fromkeys(prose_examples(name, text)))[:MAX_EXAMPLES]


def prose_examples(name: str, text: str) -> Iterator[str]:
    """Yield the comparisons, including repetitions."""
    call = re.compile(rf"(?<![\w.]){re.escape(name)}\(")
    for line in text.splitlines():
        match = call.search(line[:MAX_LINE_CHARACTERS])
        if not match or line.lstrip().startswith(">>>"):
            continue
        for arrow in ARROW.finditer(line, match.end(), MAX_LINE_CHARACTERS):
            left, right = line[match.start() : arrow.start()], line[arrow.end() :]
            value = leading_literal(right)
            if value and is_literal_call(left):
                yield f"{left} == {value}"
                break


def is_literal_call(text: str) -> bool:
    """Whether a text is one call of literals."""
    try:
        node = ast.parse(text, mode="eval").body
        if not isinstance(node, ast.Call) or node.keywords:
            return False
        for argument in node.args:
            ast.literal_eval(argument)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def leading_literal(text: str) -> str:
    """The literal that a text begins with, up to a character that ends it, or an empty string."""
    text = text[:MAX_LINE_CHARACTERS].strip()
    for candidate in (text, text.rstrip(".,;)`"), re.split(r"\s+#|\s{2,}|\s*\(", text)[0]):
        try:
            ast.literal_eval(candidate)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            continue
        return candidate
    return ""
