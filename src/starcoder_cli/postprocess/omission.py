"""What stands for code that an answer leaves out: `# ... rest of the code unchanged ...`."""

import re
from itertools import groupby

from starcoder_cli.languages import Language
from starcoder_cli.postprocess.lexical import Kind, read_pieces

ELLIPSIS = re.compile(r"\.{3,}|…")
WORD = re.compile(r"\w+")
LEFT_OUT = {"rest", "remaining", "remainder", "existing", "other", "previous", "original", "all"}
SURE = {"unchanged", "omitted"}
KEPT = {*SURE, "same", "before", "above", "here", "stay", "remain", "keep", "kept", "left"}
CODE = {
    *("code", "file", "function", "method", "class", "logic", "content", "import", "line"),
    *("implementation", "page", "document", "section", "step", "follow", "definition"),
}
SMALL_WORDS = {"of", "the", "your", "this", "is", "are", "as", "it", "was", "for", "and", "not"}
KNOWN_WORDS = frozenset(
    LEFT_OUT | KEPT | CODE | SMALL_WORDS | {"goes", "shown", "brevity", "query", "queries"}
) | frozenset(f"{word}s" for word in (*KEPT, *CODE))
MARKED_LINE = re.compile(r"\s*([#;*(\[<{/%\"'-]|\.\.\.|…)")
"""A line that can say so in a file of unknown kind: it begins with a mark."""


def find_omission(text: str, original: str, language: Language) -> str:
    """The first line of new code that stands for omitted code, or an empty string.

    A line that the original has too does not count.
    """
    if language.lexer in ("text", "markdown", "rst"):
        lines = (line.strip() for line in text.splitlines() if MARKED_LINE.match(line))
        return next((line for line in lines if is_new_omission(line, original)), "")
    line = ""  # what comes before a token in its line
    for kind, pieces in groupby(read_pieces(text, language), key=kind_of):
        piece = "".join(each for _, each in pieces)
        is_alone = not WORD.search(line)
        for part in map(str.strip, piece.splitlines()):
            if is_new_omission(part, original) and can_leave_out(kind, part, is_alone):
                return part
        line = (line + piece).rpartition("\n")[2]
    return find_bare_ellipsis(text, original, language)


def kind_of(piece: tuple[Kind, str]) -> Kind:
    """What a piece is, where a string is a text too."""
    return "text" if piece[0] == "string" else piece[0]


def is_new_omission(part: str, original: str) -> bool:
    """Whether a part of new code stands for code, and was not there before."""
    return bool(part) and part not in original and stands_for_code(part)


def can_leave_out(kind: Kind, part: str, is_alone: bool) -> bool:
    """Whether a part of this kind can: a comment, or text with words that is alone on its line.

    A comment after code on the same line that is only an ellipsis says little.
    """
    if kind == "comment":
        return is_alone or bool(WORD.search(part)) or part.startswith("/*")
    return kind == "text" and is_alone and bool(WORD.search(part))


def find_bare_ellipsis(text: str, original: str, language: Language) -> str:
    """The first line that is only an ellipsis; an indented one is valid Python.

    In YAML one may end a document that a line of dashes begins (YAML 1.2, 9.1.2).
    """
    known = set(map(str.strip, original.splitlines()))
    lines = text.rstrip().splitlines()
    has_documents = language.name == "yaml" and "---" in lines
    for line, following in zip(lines, [*lines[1:], "---"], strict=True):
        is_stub = language.name == "python" and line[:1].isspace()
        is_stub |= has_documents and line == "..." and following.startswith("---")
        if ELLIPSIS.fullmatch(line.strip()) and not is_stub and line.strip() not in known:
            return line.strip()
    return ""


def hints_at_omission(comment: str) -> bool:
    """Whether a comment has a word, or the dots, of those that stand for omitted code."""
    words = set(WORD.findall(comment.lower()))
    return bool(ELLIPSIS.search(comment) or words & (LEFT_OUT | KEPT))


def stands_for_code(part: str) -> bool:
    """Whether a text says only that code is left out, or is only an ellipsis."""
    words = WORD.findall(part.lower())
    left_out = LEFT_OUT.intersection(words)
    unknown = len(set(words) - KNOWN_WORDS)
    if ELLIPSIS.search(part):
        return not words or unknown <= bool(left_out)
    if unknown:
        return False
    names_code = left_out or {"same", "before"}.issubset(words)
    says_existing = "existing" in words or {"rest", "of"}.issubset(words)
    return bool(SURE.intersection(words) or (names_code and KEPT.intersection(words))) or (
        says_existing and len(words) <= 5
    )
