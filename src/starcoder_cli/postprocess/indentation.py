"""An answer's lines begin with the white space that the file's lines begin with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from starcoder_cli.languages import Language
from starcoder_cli.model import Hole
from starcoder_cli.stream import Chunk, Stream, closing_source

DEFAULT_INDENT_WIDTH = 4
BLOCK_OPENERS = {"python": re.compile(r":\s*(#.*)?$")}
BRACE_OPENER = re.compile(r"\{\s*$")
LEADING_WHITESPACE = re.compile(r"^([ \t]+)\S", re.MULTILINE)
JUMP_STATEMENT = re.compile(r"\s*(return|raise|break|continue|pass)\b")
BLOCK_CLOSER = re.compile(r"[])}]|(else|elif|except|finally|case|default)\b")


@dataclass(frozen=True)
class IndentStyle:
    """One step of indentation, as text: a tab, or so many spaces."""

    unit: str

    @classmethod
    def detect(cls, text: str) -> "IndentStyle | None":
        """The style of some code; None where it has none, or more than one."""
        indents = LEADING_WHITESPACE.findall(text)
        tabs = [indent for indent in indents if "\t" in indent]
        if len(tabs) not in (0, len(indents)) or not indents:
            return None
        return (
            cls("\t")
            if tabs
            else cls(" " * detect_indent_width([len(indent) for indent in indents]))
        )

    def convert(self, indent: str, step_width: int) -> str:
        """A line's white space in this style; where it has spaces, `step_width` are a step."""
        if self.unit == "\t":
            columns = len(indent.replace("\t", " " * step_width))
            return "\t" * (columns // step_width) + " " * (columns % step_width)
        return indent.replace("\t", self.unit)


def detect_indent_width(indents: list[int]) -> int:
    """The widest usual step that nine of ten indents are made of; some lines are only aligned."""
    for step in (8, 4, 2, 3):
        if sum(indent % step == 0 for indent in indents) * 10 >= len(indents) * 9:
            return step
    return DEFAULT_INDENT_WIDTH


def reindent(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer in the file's style, as deep as the line before it asks for.

    The first line of a block that has just been opened is moved behind the line that opens it, and
    the others with it. Where the hole stands behind its indentation, that is not written twice.
    """
    style = IndentStyle.detect(hole.prefix + "\n" + hole.suffix)
    reindenter = Reindenter(
        style, hole.prefix.rpartition("\n")[2], expected_indent(hole, style, language)
    )
    with closing_source(chunks) as source:
        for chunk in source:
            text = reindenter.feed(chunk.text, last=bool(chunk.reason))
            rules = ("indentation",) if reindenter.was_changed else ()
            reindenter.was_changed = False
            yield replace(chunk, text=text, trimmed=(*chunk.trimmed, *rules))
    if rest := reindenter.feed("", last=True):
        yield Chunk(rest, 0, "stop")


def expected_indent(hole: Hole, style: IndentStyle | None, language: Language) -> str | None:
    """The least indentation that a line in a hole has to have; None where that is open.

    It is one step more than that of a line before it which opens a block, and in a language of
    indented blocks that of the lines around it where they agree.
    """
    if hole.prefix.rpartition("\n")[2].strip():
        return None
    previous_line = hole.prefix.rstrip().rpartition("\n")[2]
    previous_indent = leading_whitespace(previous_line)
    if BLOCK_OPENERS.get(language.name, BRACE_OPENER).search(hole.prefix.rstrip()):
        return previous_indent + (style.unit if style else " " * DEFAULT_INDENT_WIDTH)
    next_line = hole.suffix.lstrip("\n").partition("\n")[0]
    neighbors_agree = (
        next_line.strip()
        and leading_whitespace(next_line) == previous_indent
        and not JUMP_STATEMENT.match(previous_line)
    )
    return previous_indent if neighbors_agree and language.name in BLOCK_OPENERS else None


def indent_columns(line: str) -> int:
    """The width of a line's leading white space, a tab reaching to the next multiple of 8."""
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())


def leading_whitespace(line: str) -> str:
    """The white space that a line begins with."""
    return line[: len(line) - len(line.lstrip())]


class Reindenter:
    """An incremental writer of lines, which holds their leading white space until it is whole."""

    def __init__(self, style: IndentStyle | None, line_prefix: str, expected: str | None) -> None:
        self.was_changed = False
        self._style = style
        self._line_prefix = line_prefix
        self._expected = expected
        self._step_width = DEFAULT_INDENT_WIDTH
        self._shift = ""
        self._on_first_line = True
        self._first_word = ""  # of the first line, which is held until it is whole
        self._indent: str | None = "" if not line_prefix.strip() else None  # None inside a line

    def feed(self, text: str, *, last: bool) -> str:
        """What can be passed on of the text so far."""
        ready = ""
        for piece in re.findall(r"\n|[^\S\n]+|\S[^\n]*", text):
            if self._first_word and piece[0].isspace():
                ready += self._emit_line_start(self._indent or "")
            if piece == "\n":
                ready += (self._indent or "") + "\n"
                self._indent = ""
            elif self._indent is None:
                ready += piece
            elif piece.isspace():
                self._indent += piece
            else:
                self._first_word += piece
                if last or not self._on_first_line or not self._first_word.isalpha():
                    ready += self._emit_line_start(self._indent)
        if last and self._indent is not None:
            ready += self._emit_line_start(self._indent) if self._first_word else self._indent
            self._indent = ""
        return ready

    def _emit_line_start(self, indent: str) -> str:
        """The beginning of a line, with the white space that it gets instead of its own."""
        text = self._adjust_indent(indent, self._first_word) + self._first_word
        self._indent, self._first_word = None, ""
        return text

    def _adjust_indent(self, indent: str, line: str) -> str:
        adjusted = self._convert_style(indent)
        if self._on_first_line:
            self._on_first_line = False
            adjusted = self._adjust_first_indent(adjusted, line)
        else:
            adjusted = self._shift + adjusted
        self.was_changed = self.was_changed or adjusted != indent
        return adjusted

    def _adjust_first_indent(self, indent: str, line: str) -> str:
        """The first line's white space; sets how far the lines behind it are moved."""
        if self._expected is None or BLOCK_CLOSER.match(line):
            return indent
        full_indent = self._line_prefix + indent
        if self._line_prefix and len(self._line_prefix) >= len(self._expected):
            return ""
        if len(full_indent) < len(self._expected):
            self._shift = self._expected[len(full_indent) :]
            return self._expected[len(self._line_prefix) :]
        return indent

    def _convert_style(self, indent: str) -> str:
        if not self._style or not indent:
            return indent
        if "\t" not in indent and self._style.unit == "\t":
            self._step_width = (
                min(self._step_width, len(indent)) if len(indent) in (2, 4) else self._step_width
            )
        elif "\t" not in indent:
            return indent
        return self._style.convert(indent, self._step_width)
