"""What is code in a text, and what is a string or a comment, as Pygments reads its language."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from starcoder_cli.languages import Language

Kind: TypeAlias = Literal["code", "text", "comment"]

OPENERS, CLOSERS = "([{", ")]}"
MAX_CHARACTERS = 1 << 16
"""So much of a text is read at the most, its end."""

MAX_SUFFIX = 1 << 12
COMMENT_END = "\n*/"
"""Many lexers know a comment, as some strings, only by both of its ends."""


def ends_in_code(text: str, language: Language, suffix: str = "") -> bool:
    """Whether what follows a text is code, and no string or comment."""
    return kind_behind(text, language, suffix) == "code"


def kind_behind(text: str, language: Language, suffix: str = "") -> Kind:
    """What is between a text and a suffix."""
    probe = "\ue000"  # a character of nobody's, which only strings and comments take in
    around = f"{text[-MAX_CHARACTERS:]}{probe}{suffix[:MAX_SUFFIX]}{COMMENT_END}"
    kinds = (kind for kind, piece in read_pieces(around, language) if probe in piece)
    return next(kinds, "code")


def count_unpaired_brackets(text: str, language: Language) -> int:
    """How many brackets of the code have no partner."""
    unpaired, open_brackets = 0, list[str]()
    for kind, piece in read_pieces(text[-4 * MAX_CHARACTERS :], language):
        for character in piece if kind == "code" else "":
            if character in OPENERS:
                open_brackets.append(character)
            elif character in CLOSERS:
                if open_brackets and OPENERS.index(open_brackets[-1]) == CLOSERS.index(character):
                    open_brackets.pop()
                else:
                    unpaired += 1
    return unpaired + len(open_brackets)


def read_pieces(text: str, language: Language) -> Iterator[tuple[Kind, str]]:
    """The tokens of a text, and what each is."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment, Generic, String, Text

    if language.lexer == "text":
        yield "code", text
        return
    for _, token, piece in get_lexer_by_name(language.lexer).get_tokens_unprocessed(text):
        if token in Comment:
            yield "comment", piece
        elif (
            token in String or token in Generic or (token in Text and token not in Text.Whitespace)
        ):
            yield "text", piece
        else:
            yield "code", piece
