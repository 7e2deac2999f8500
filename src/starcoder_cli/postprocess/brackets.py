"""The brackets of some code, with those in strings and comments left out.

It needs no grammar: it knows a language's quotes and comments, and forgives what it does not know,
since a string that nothing ends stops at the end of its line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate

from starcoder_cli.files.source import Hole
from starcoder_cli.languages import Language
from starcoder_cli.stream import Chunk, Stream, closing_source

TRIPLE = {"python", "kotlin", "scala", "swift", "java", "dart", "groovy", "julia"}
BACKTICKS = {"javascript", "typescript", "go", "svelte", "vue"}
# Where a single quote begins one character, if it begins anything: a lifetime, a prime, a symbol.
CHARACTERS = {
    *("ada", "agda", "c", "c-sharp", "clojure", "common-lisp", "cpp", "cuda", "elm", "emacs-lisp"),
    *("f-sharp", "glsl", "go", "haskell", "idris", "java", "kotlin", "lean", "ocaml", "racket"),
    *("rust", "scala", "scheme", "standard-ml", "swift", "systemverilog", "verilog", "vhdl", "zig"),
}
# Where a closing bracket may stand alone, as behind the pattern of a `case`.
LOOSE = {"shell", "tex", "restructuredtext", "markdown", "rmarkdown", "text"}


@dataclass(frozen=True)
class Brackets:
    """The brackets of a piece of code, each as its place and +1 or -1.

    `in_code` says whether what follows is code, and no string or comment.
    """

    steps: tuple[tuple[int, int], ...] = ()
    in_code: bool = True

    @property
    def unopened(self) -> int:
        """How many closers have no opener in the code."""
        return -min(accumulate((step for _, step in self.steps), initial=0))

    @property
    def unclosed(self) -> int:
        """How many openers have no closer in the code."""
        return sum(step for _, step in self.steps) + self.unopened


def brackets(text: str, language: Language) -> Brackets:
    """Read some code that begins outside of strings and comments."""
    steps: list[tuple[int, int]] = []
    in_code = True
    for match in _pattern(language).finditer(text):
        if match.lastgroup == "opener":
            steps.append((match.start(), 1))
        elif match.lastgroup == "closer":
            steps.append((match.start(), -1))
        elif match.end() == len(text):
            in_code = match.lastgroup == "whole"
    return Brackets(tuple(steps), in_code)


def knows(language: Language) -> bool:
    """Whether brackets of a language come in pairs."""
    return language.name not in LOOSE


@cache
def _pattern(language: Language) -> re.Pattern[str]:
    """Brackets, and whatever hides brackets: whole, or cut off by the end of the text."""
    name, comment = language.name, language.comment
    whole, cut = [], []
    if name in TRIPLE:
        for quote in ('"""', "'''"):
            whole.append(rf"{quote}(?:\\.|(?!{quote})[^\\])*{quote}")
            cut.append(rf"{quote}(?:\\.|(?!{quote})[^\\])*\\?\Z")
    lines = [re.escape(comment.open)] if comment and not comment.close else []
    blocks = [(comment.open, comment.close)] if comment and comment.close else []
    blocks += [("/*", "*/")] if comment and comment.open == "//" else []
    for begin, end in blocks:
        whole.append(rf"{re.escape(begin)}.*?{re.escape(end)}")
        cut.append(rf"{re.escape(begin)}.*\Z")
    for begin in lines:
        word = r"\b" if begin.isalpha() else ""
        whole.append(rf"{word}{begin}{word}[^\n]*\n")
        cut.append(rf"{word}{begin}{word}[^\n]*\Z")
    long = '"`' if name in BACKTICKS else '"'
    for quote in long if name in CHARACTERS else long + "'":
        inside = rf"\\.|[^{quote}\\]" if quote == "`" else rf"\\.|[^{quote}\\\n]"
        short = f"(?!{quote * 3})" if name in TRIPLE else ""
        whole.append(rf"{short}{quote}(?:{inside})*{quote}")
        cut.append(rf"{short}{quote}(?:{inside})*\\?\Z")
    if name in CHARACTERS:
        whole.append(r"'(?:\\[^\n']{1,10}|\\'|[^\\'\n])'")
        cut.append(r"'(?:\\[^\n']{0,10})?\Z")
    groups = (("whole", whole), ("cut", cut), ("opener", [r"[([{]"]), ("closer", [r"[)\]}]"]))
    parts = (f"(?P<{group}>{'|'.join(forms)})" for group, forms in groups)
    return re.compile("|".join(parts), re.DOTALL)


def until_closer(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer up to a closing bracket that belongs to the suffix.

    The prefix leaves so many brackets open, and the suffix closes so many of them: the answer may
    close the rest. A line counts as a whole, since `} else {` closes nothing.
    """
    before = brackets(hole.prefix, language)
    if not before.in_code:
        with closing_source(chunks) as source:
            yield from source
        return
    spare = max(before.unclosed - brackets(hole.suffix, language).unopened, 0)
    text, shown = "", 0
    with closing_source(chunks) as source:
        for chunk in source:
            text += chunk.text
            place, sure = extra_closer(text, text, spare, language, last=bool(chunk.reason))
            if not chunk.reason:
                # A quote that its line does not close was no string: its brackets count after all.
                other, agreed = extra_closer(text, text + " \n", spare, language, last=False)
                sure = sure and agreed and place == other
                place = min((each for each in (place, other) if each is not None), default=None)
            if sure:
                end = shown + len(without_gap(text[shown:place], hole))
                cut = (*chunk.trimmed, "closers")
                yield replace(chunk, text=text[shown:end], reason="stop", trimmed=cut)
                return
            # White space may stand before a bracket that ends the answer, and goes with it.
            end = len(text) if chunk.reason else len(text[:place].rstrip())
            yield replace(chunk, text=text[shown:end])
            shown = max(shown, end)
    if text[shown:]:
        yield Chunk(text[shown:], 0, "stop")


def extra_closer(
    text: str, read: str, spare: int, language: Language, *, last: bool
) -> tuple[int | None, bool]:
    """Where a line closes more than `spare` brackets that nothing before opened, and if that holds.

    It does not where the line opens as many again, which is known at its end, or with the `last`
    of the text. Its brackets are those of the text as it is `read`.
    """
    depth, first, end = spare, None, 0
    for place, step in brackets(read, language).steps:
        if place >= end:
            if first is not None and depth < 0:
                return first, True
            first, end = None, line_end(text, place)
        depth += step
        if depth < 0 and first is None:
            first = place
    whole = last or end < len(text)
    if first is not None and depth < 0:
        return first, whole
    return None if whole else first, False


def without_gap(text: str, hole: Hole) -> str:
    """A text without the white space at its end that the suffix has, or that leads a closer."""
    if hole.suffix.startswith("\n"):
        return text.rstrip()
    line = text.rpartition("\n")[2]
    return text[: len(text) - len(line)] if "\n" in text and not line.strip() else text


def line_end(text: str, place: int) -> int:
    """Where the line of a place ends: at its line feed, or with the text."""
    end = text.find("\n", place)
    return len(text) if end < 0 else end
