"""Pieces of Python from other people's files, and the same pieces reformatted."""

import ast
import io
import keyword
import random
import sys
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli.attribution.fingerprints import GUARANTEED_MATCH_TOKENS
from starcoder_cli.attribution.tokens import lexical_syntax_of, tokenize_code

PYTHON = lexical_syntax_of("python")
MOST_LINES = 100
UNSEEN = b" \t\r\n\f\v'\"`\\"
HEADS = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.If | ast.For | ast.Try | ast.With
)


@dataclass(frozen=True)
class Snippet:
    """Some lines of a file, and the same code in other forms, by the form's name."""

    file: Path
    text: str
    forms: dict[str, str]


def normal(text: str) -> list[bytes]:
    """The tokens of a text as they are compared, without any hashing."""
    data = text.encode("utf-8", "surrogateescape")
    lower = data.lower()
    return [lower[at:end].translate(None, UNSEEN) for at, end in tokenize_code(data, PYTHON).spans]


def snippets(files: Sequence[Path], count: int, seed: int) -> list[Snippet]:
    """Pieces that are whole statements of random files, each in four forms."""
    chance = random.Random(seed)
    found: list[Snippet] = []
    while len(found) < count:
        file = chance.choice(files)
        text = readable(file)
        if text is None:
            continue
        piece = statement(text, chance)
        if piece and (snippet := formed(file, piece, chance)):
            found.append(snippet)
    return found


def readable(file: Path) -> str | None:
    """The text of a file, or None if Python itself cannot parse it."""
    try:
        text = file.read_text(encoding="utf-8").removeprefix("\ufeff")
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, OSError):
        return None
    return text


def statement(text: str, chance: random.Random) -> str | None:
    """The lines of a statement of moderate size, chosen at random."""
    lines = text.splitlines(keepends=True)
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, HEADS)]
    chance.shuffle(nodes)
    for node in nodes[:10]:
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        piece = "".join(lines[first - 1 : node.end_lineno])
        begins = lines[first - 1].lstrip().startswith(("elif", "else"))
        count = piece.count("\n")
        if (
            not begins
            and count <= MOST_LINES
            and len(normal(textwrap.dedent(piece))) >= GUARANTEED_MATCH_TOKENS
        ):
            return piece
    return None


def formed(file: Path, piece: str, chance: random.Random) -> Snippet | None:
    """A snippet in each form, or None if a formatter rejects it."""
    import black

    try:
        inner = textwrap.dedent(piece)
        blackened = black.format_str(inner, mode=black.Mode(line_length=60))
        spaced = rewritten(inner, chance, quotes=False)
        quoted = rewritten(inner, chance, quotes=True)
    except (black.InvalidInput, tokenize.TokenError, SyntaxError, IndentationError):
        return None
    forms = {"verbatim": piece, "black": blackened, "spaces, comments": spaced, "quotes": quoted}
    return Snippet(file, piece, forms)


def rewritten(text: str, chance: random.Random, *, quotes: bool) -> str:
    """The code with other spaces, comments and blank lines, and optionally with other quotes."""
    out, row, column = [], 1, 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.start[0] > row:
            row, column = token.start[0], 0
        gap = " " * (token.start[1] - column) if token.start[0] == row else ""
        begins = column == 0
        row, column = token.end
        if token.type == tokenize.COMMENT:
            out.append(gap + "# another comment")
        elif token.type in (tokenize.NEWLINE, tokenize.NL):
            out.append(chance.choice(["", "  ", f"  # note {len(out)}"]) + "\n")
            out.append(chance.choice(["", "", "\n"]))
        elif token.type in (tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            column = token.start[1] if token.type != tokenize.INDENT else column
            out.append(token.string)
        else:
            extra = "" if begins else gap * chance.choice([1, 2, 3])
            out.append((gap if begins else extra) + swapped(token.string, quotes, token.type))
    return "".join(out)


def swapped(word: str, quotes: bool, kind: int) -> str:
    """A string in the other kind of quotes, if that is as simple as it sounds."""
    plain = kind == tokenize.STRING and word[:1] in "'\"" and word[:3] not in ('"""', "'''")
    if not quotes or not plain or "\\" in word or any(mark in word[1:-1] for mark in "'\""):
        return word
    other = "'" if word[0] == '"' else '"'
    return other + word[1:-1] + other


def renamed(text: str, seed: int) -> str:
    """The code with other names in it, so that it is nobody's."""
    chance = random.Random(seed)
    names: dict[str, str] = {}
    out = []
    for token in tokenize.generate_tokens(io.StringIO(textwrap.dedent(text)).readline):
        is_name = token.type == tokenize.NAME and not keyword.iskeyword(token.string)
        new = names.setdefault(token.string, f"q{chance.randrange(10**6)}") if is_name else ""
        out.append(new or token.string)
    return " ".join(out)


def lines(files: Sequence[Path], count: int, seed: int) -> Iterator[tuple[Path, str, int]]:
    """Yield random lines of files with at least GUARANTEED_MATCH_TOKENS tokens, and how many."""
    chance = random.Random(seed)
    while count:
        file = chance.choice(files)
        text = readable(file)
        if not text or len(all_lines := text.splitlines(keepends=True)) < 10:
            continue
        first = chance.randrange(len(all_lines))
        size = chance.randrange(8, MOST_LINES)
        start = len("".join(all_lines[:first]).encode())
        end = start + len("".join(all_lines[first : first + size]).encode())
        inside = [
            at for at, to in tokenize_code(text.encode(), PYTHON).spans if start <= at and to <= end
        ]
        if len(inside) >= GUARANTEED_MATCH_TOKENS:
            count -= 1
            yield file, "".join(all_lines[first : first + size]), len(inside)


if __name__ == "__main__":
    sys.exit("part of bench/attribution.py")
