"""An answer's lines begin with the white space that the file's lines begin with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from starcoder_cli.files.source import Hole
from starcoder_cli.languages import Language
from starcoder_cli.stream import Chunk, Stream, closing_source

USUAL = 4
OPENS_BLOCK = {"python": re.compile(r":\s*(#.*)?$")}
OPENS_BRACE = re.compile(r"\{\s*$")
LEAD = re.compile(r"^([ \t]+)\S", re.MULTILINE)
LEAVES = re.compile(r"\s*(return|raise|break|continue|pass)\b")
CLOSES = re.compile(r"[])}]|(else|elif|except|finally|case|default)\b")


@dataclass(frozen=True)
class Style:
    """One step of indentation, as text: a tab, or so many spaces."""

    unit: str

    @classmethod
    def of(cls, text: str) -> "Style | None":
        """The style of some code; None where it has none, or more than one."""
        leads = LEAD.findall(text)
        tabs = [lead for lead in leads if "\t" in lead]
        if len(tabs) not in (0, len(leads)) or not leads:
            return None
        return cls("\t") if tabs else cls(" " * width([len(lead) for lead in leads]))

    def convert(self, lead: str, step: int) -> str:
        """The white space of a line in this style; `step` spaces are a step where it has spaces."""
        if self.unit == "\t":
            columns = len(lead.replace("\t", " " * step))
            return "\t" * (columns // step) + " " * (columns % step)
        return lead.replace("\t", self.unit)


def width(leads: list[int]) -> int:
    """The widest usual step that nine of ten leads are made of; some lines are only aligned."""
    for step in (8, 4, 2, 3):
        if sum(lead % step == 0 for lead in leads) * 10 >= len(leads) * 9:
            return step
    return USUAL


def fitting(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer in the file's style, as deep as the line before it asks for.

    The first line of a block that has just been opened is moved behind the line that opens it, and
    the others with it. Where the hole stands behind its indentation, that is not written twice.
    """
    style = Style.of(hole.prefix + "\n" + hole.suffix)
    lines = Indented(style, hole.prefix.rpartition("\n")[2], due(hole, style, language))
    with closing_source(chunks) as source:
        for chunk in source:
            text = lines.feed(chunk.text, last=bool(chunk.reason))
            names = ("indentation",) if lines.moved else ()
            lines.moved = False
            yield replace(chunk, text=text, trimmed=(*chunk.trimmed, *names))
    if rest := lines.feed("", last=True):
        yield Chunk(rest, 0, "stop")


def due(hole: Hole, style: Style | None, language: Language) -> str | None:
    """The least indentation that a line in a hole has to have; None where that is open.

    It is one step more than that of a line before it which opens a block, and in a language of
    indented blocks that of the lines around it where they agree.
    """
    if hole.prefix.rpartition("\n")[2].strip():
        return None
    last = hole.prefix.rstrip().rpartition("\n")[2]
    before = lead(last)
    if OPENS_BLOCK.get(language.name, OPENS_BRACE).search(hole.prefix.rstrip()):
        return before + (style.unit if style else " " * USUAL)
    behind = hole.suffix.lstrip("\n").partition("\n")[0]
    agrees = behind.strip() and lead(behind) == before and not LEAVES.match(last)
    return before if agrees and language.name in OPENS_BLOCK else None


def indentation(line: str) -> int:
    """The width of a line's leading white space, a tab reaching to the next multiple of 8."""
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())


def lead(line: str) -> str:
    """The white space that a line begins with."""
    return line[: len(line) - len(line.lstrip())]


class Indented:
    """An incremental writer of lines, which holds their leading white space until it is whole."""

    def __init__(self, style: Style | None, begun: str, due: str | None) -> None:
        self.moved = False
        self._style = style
        self._begun = begun
        self._due = due
        self._step = USUAL
        self._shift = ""
        self._first = True
        self._word = ""  # of the first line, which is held until it is whole
        self._held: str | None = "" if not begun.strip() else None  # None inside a line

    def feed(self, text: str, *, last: bool) -> str:
        """What can be passed on of the text so far."""
        ready = ""
        for piece in re.findall(r"\n|[^\S\n]+|\S[^\n]*", text):
            if self._word and piece[0].isspace():
                ready += self._release(self._held or "")
            if piece == "\n":
                ready += (self._held or "") + "\n"
                self._held = ""
            elif self._held is None:
                ready += piece
            elif piece.isspace():
                self._held += piece
            else:
                self._word += piece
                if last or not self._first or not self._word.isalpha():
                    ready += self._release(self._held)
        if last and self._held is not None:
            ready += self._release(self._held) if self._word else self._held
            self._held = ""
        return ready

    def _release(self, lead: str) -> str:
        """The beginning of a line, with the white space that it gets instead of its own."""
        text = self._lead(lead, self._word) + self._word
        self._held, self._word = None, ""
        return text

    def _lead(self, lead: str, line: str) -> str:
        wanted = self._in_style(lead)
        if self._first:
            self._first = False
            wanted = self._fitted(wanted, line)
        else:
            wanted = self._shift + wanted
        self.moved = self.moved or wanted != lead
        return wanted

    def _fitted(self, lead: str, line: str) -> str:
        """The first line's white space; sets how far the lines behind it are moved."""
        if self._due is None or CLOSES.match(line):
            return lead
        whole = self._begun + lead
        if self._begun and len(self._begun) >= len(self._due):
            return ""
        if len(whole) < len(self._due):
            self._shift = self._due[len(whole) :]
            return self._due[len(self._begun) :]
        return lead

    def _in_style(self, lead: str) -> str:
        if not self._style or not lead:
            return lead
        if "\t" not in lead and self._style.unit == "\t":
            self._step = min(self._step, len(lead)) if len(lead) in (2, 4) else self._step
        elif "\t" not in lead:
            return lead
        return self._style.convert(lead, self._step)
