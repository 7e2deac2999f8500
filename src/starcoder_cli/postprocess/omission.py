"""Comments that stand for code which an answer leaves out: `# ... rest of the code ...`."""

import re

from starcoder_cli.languages import Language
from starcoder_cli.postprocess.lexical import read_pieces

ELLIPSIS = re.compile(r"\.{3,}|…")
WORD = re.compile(r"\w+")
LEFT_OUT = {"rest", "remaining", "remainder", "existing", "other", "previous", "original"}
SURE = {"unchanged", "omitted"}
KEPT = {*SURE, "same", "before", "here", "stay", "stays", "remain", "remains", "keep", "kept"}
CODE = {"code", "file", "function", "method", "class", "logic", "content", "import", "line"}
CODE_WORDS = {*CODE, *(f"{noun}s" for noun in CODE), "implementation"}
SMALL_WORDS = {"of", "the", "your", "this", "is", "are", "as", "it", "was", "for", "and", "not"}
OTHER_WORDS = SMALL_WORDS | {"goes", "shown", "brevity"}
KNOWN_WORDS = frozenset(LEFT_OUT | KEPT | CODE_WORDS | OTHER_WORDS)


def find_omission(text: str, original: str, language: Language) -> str:
    """The first comment of new code that stands for code left out, empty where there is none.

    What the original says too is none, nor is a comment behind code in its line.
    """
    line = ""  # what stands before a token in its line
    for kind, piece in read_pieces(text, language):
        if kind == "comment" and not WORD.search(line):
            for comment in map(str.strip, piece.splitlines()):
                if stands_for_code(comment) and comment not in original:
                    return comment
        line = (line + piece).rpartition("\n")[2]
    return ""


def stands_for_code(comment: str) -> bool:
    """Whether a comment says nothing but that code is left out, or is nothing but an ellipsis."""
    words = WORD.findall(comment.lower())
    unknown = len(set(words) - KNOWN_WORDS)
    if ELLIPSIS.search(comment):
        return not words or unknown <= bool(LEFT_OUT.intersection(words))
    names_code = LEFT_OUT.intersection(words) or {"same", "before"}.issubset(words)
    is_kept = SURE.intersection(words) or (names_code and KEPT.intersection(words))
    return not unknown and bool(is_kept)
