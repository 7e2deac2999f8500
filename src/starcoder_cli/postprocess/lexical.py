"""What is code in a text, and what is a string or a comment, as Pygments reads its language."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeAlias

from starcoder_cli.languages import Language

Kind: TypeAlias = Literal["code", "text", "string", "comment"]
"""Text is what a page says."""

MARKUP = frozenset(
    ("html", "java-server-pages", "literate-agda", "literate-coffeescript", "literate-haskell")
    + ("markdown", "php", "restructuredtext", "rmarkdown", "svelte", "tex", "vue", "xslt")
)
"""Languages in which text can be outside code; other lexers call words of code text too."""

BRACKETS: Mapping[str, str] = {")": "(", "]": "[", "}": "{"}
WORD_BRACKETS: Mapping[str, Mapping[str, str]] = {
    "cmake": {f"end{word}": word for word in ("if", "foreach", "while", "function", "macro")},
}
"""What each closing bracket closes, and each closing word in a language written with words."""

MAX_CHARACTERS = 1 << 16
"""At most this much of a text is read, from its end."""

MAX_SUFFIX = 1 << 12
COMMENT_END = "\n*/"
"""Many lexers recognize a comment, like some strings, only if it has both of its ends."""


def ends_in_code(text: str, language: Language, suffix: str = "") -> bool:
    """Whether what follows a text is code, rather than a string or a comment."""
    return kind_behind(text, language, suffix) == "code"


def kind_behind(text: str, language: Language, suffix: str = "") -> Kind:
    """What is between a text and a suffix."""
    probe = "\ue000"  # a private-use character, which only strings and comments accept
    around = f"{text[-MAX_CHARACTERS:]}{probe}{suffix[:MAX_SUFFIX]}{COMMENT_END}"
    kinds = (kind for kind, piece in read_pieces(around, language) if probe in piece)
    return next(kinds, "code")


def count_unpaired_brackets(text: str, language: Language) -> int:
    """How many brackets of the code, and words that act as brackets, have no partner."""
    return sum(find_unpaired_brackets(text, language))


def find_unpaired_brackets(text: str, language: Language) -> tuple[int, int]:
    """How many brackets of the code close nothing, and how many are left open."""
    partners = {**BRACKETS, **WORD_BRACKETS.get(language.name, {})}
    unopened, opened = 0, list[str]()
    for kind, piece in read_pieces(text[-4 * MAX_CHARACTERS :], language):
        for unit in bracket_units(piece.lower(), partners) if kind == "code" else ():
            if unit not in partners:
                opened.append(unit)
            elif opened and opened[-1] == partners[unit]:
                opened.pop()
            else:
                unopened += 1
    return unopened, len(opened)


def count_unpaired(text: str) -> tuple[int, int]:
    """As `find_unpaired_brackets`, of any kind, and in strings and comments too."""
    closed = opened = 0
    for character in text:
        if character in "([{":
            opened += 1
        elif character in ")]}":
            closed, opened = (closed, opened - 1) if opened else (closed + 1, 0)
    return closed, opened


def bracket_units(piece: str, partners: Mapping[str, str]) -> Iterable[str]:
    """The brackets in a token, which may be one as a whole."""
    units = {*partners, *partners.values()}
    return (piece,) if piece in units else (sign for sign in piece if sign in units)


def find_keywords(text: str, language: Language) -> frozenset[str]:
    """The words of a text that its language gives their meaning, and the numbers."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Keyword, Number, Operator

    if language.lexer == "text":
        return frozenset()
    tokens = get_lexer_by_name(language.lexer).get_tokens_unprocessed(text)
    return frozenset(
        piece
        for _, token, piece in tokens
        if token in Keyword or token in Number or token in Operator.Word
    )


def read_pieces(text: str, language: Language) -> Iterator[tuple[Kind, str]]:
    """Yield the tokens of a text, and what each is."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Comment, Generic, String, Text

    if language.lexer == "text":
        yield "code", text
        return
    for _, token, piece in get_lexer_by_name(language.lexer).get_tokens_unprocessed(text):
        if token in (Comment.Preproc, Comment.PreprocFile):
            yield "code", piece
        elif token in Comment:
            yield "comment", piece
        elif token is String.Atom and not piece.startswith("'"):
            yield "code", piece
        elif token in String or token in Generic:
            yield "string", piece
        elif token in Text and token not in Text.Whitespace and language.name in MARKUP:
            yield "text", piece
        else:
            yield "code", piece
