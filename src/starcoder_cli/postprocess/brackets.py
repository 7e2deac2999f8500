"""The brackets of some code, with those in strings and comments left out.

It needs no grammar: it knows a language's quotes and comments, and forgives what it does not know,
since a string that nothing ends stops at the end of its line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from starcoder_cli.languages import Language
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.hold_back import hold_back
from starcoder_cli.stream import Chunk, Stream, closing_source

TRIPLE_QUOTE_LANGUAGES = {"python", "kotlin", "scala", "swift", "java", "dart", "groovy", "julia"}
BACKTICK_LANGUAGES = {"javascript", "typescript", "go", "svelte", "vue"}
# Where a single quote begins one character, if it begins anything: a lifetime, a prime, a symbol.
CHARACTER_LITERAL_LANGUAGES = {
    *("ada", "agda", "c", "c-sharp", "clojure", "common-lisp", "cpp", "cuda", "elm", "emacs-lisp"),
    *("f-sharp", "glsl", "go", "haskell", "idris", "java", "kotlin", "lean", "ocaml", "racket"),
    *("rust", "scala", "scheme", "standard-ml", "swift", "systemverilog", "verilog", "vhdl", "zig"),
}
# Where a closing bracket may stand alone, as behind the pattern of a `case`.
UNPAIRED_BRACKET_LANGUAGES = {"shell", "tex", "restructuredtext", "markdown", "rmarkdown", "text"}


@dataclass(frozen=True)
class Brackets:
    """The brackets of a piece of code: the position of each, and +1 or -1.

    `ends_in_code` says whether what follows is code, and no string or comment.
    """

    depth_changes: tuple[tuple[int, int], ...] = ()
    ends_in_code: bool = True

    @property
    def unmatched_closers(self) -> int:
        """How many closers have no opener in the code."""
        return -min(accumulate((step for _, step in self.depth_changes), initial=0))

    @property
    def unmatched_openers(self) -> int:
        """How many openers have no closer in the code."""
        return sum(step for _, step in self.depth_changes) + self.unmatched_closers


def scan_brackets(text: str, language: Language) -> Brackets:
    """Read some code that begins outside of strings and comments."""
    depth_changes: list[tuple[int, int]] = []
    ends_in_code = True
    for match in _bracket_pattern(language).finditer(text):
        if match.lastgroup == "opener":
            depth_changes.append((match.start(), 1))
        elif match.lastgroup == "closer":
            depth_changes.append((match.start(), -1))
        elif match.end() == len(text):
            ends_in_code = match.lastgroup == "whole"
    return Brackets(tuple(depth_changes), ends_in_code)


def has_paired_brackets(language: Language) -> bool:
    """Whether brackets of a language come in pairs."""
    return language.name not in UNPAIRED_BRACKET_LANGUAGES


@cache
def _bracket_pattern(language: Language) -> re.Pattern[str]:
    """Brackets, and whatever hides brackets: whole, or cut off by the end of the text."""
    name, comment = language.name, language.comment
    whole, cut = [], []
    if name in TRIPLE_QUOTE_LANGUAGES:
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
    quotes = '"`' if name in BACKTICK_LANGUAGES else '"'
    for quote in quotes if name in CHARACTER_LITERAL_LANGUAGES else quotes + "'":
        inside = rf"\\.|[^{quote}\\]" if quote == "`" else rf"\\.|[^{quote}\\\n]"
        not_triple = f"(?!{quote * 3})" if name in TRIPLE_QUOTE_LANGUAGES else ""
        whole.append(rf"{not_triple}{quote}(?:{inside})*{quote}")
        cut.append(rf"{not_triple}{quote}(?:{inside})*\\?\Z")
    if name in CHARACTER_LITERAL_LANGUAGES:
        whole.append(r"'(?:\\[^\n']{1,10}|\\'|[^\\'\n])'")
        cut.append(r"'(?:\\[^\n']{0,10})?\Z")
    groups = (("whole", whole), ("cut", cut), ("opener", [r"[([{]"]), ("closer", [r"[)\]}]"]))
    parts = (f"(?P<{group}>{'|'.join(forms)})" for group, forms in groups)
    return re.compile("|".join(parts), re.DOTALL)


def until_unmatched_closer(chunks: Iterable[Chunk], hole: Hole, language: Language) -> Stream:
    """An answer up to a closing bracket that belongs to the suffix.

    The prefix leaves so many brackets open, and the suffix closes so many of them: the answer may
    close the rest. A line counts as a whole, since `} else {` closes nothing.
    """
    before = scan_brackets(hole.prefix, language)
    if not before.ends_in_code:
        with closing_source(chunks) as source:
            yield from source
        return
    allowed_closers = max(
        before.unmatched_openers - scan_brackets(hole.suffix, language).unmatched_closers, 0
    )

    def decide(text: str, last: bool) -> tuple[int, str]:
        position, certain = find_extra_closer(text, text, allowed_closers, language, last=last)
        if not last:
            # A quote that its line does not close was no string: its brackets count after all.
            position_if_ended, certain_if_ended = find_extra_closer(
                text, text + " \n", allowed_closers, language, last=False
            )
            certain = certain and certain_if_ended and position == position_if_ended
            position = min(
                (candidate for candidate in (position, position_if_ended) if candidate is not None),
                default=None,
            )
        if certain:
            return len(strip_gap_before_suffix(text[:position], hole)), "closers"
        # White space may stand before a bracket that ends the answer, and goes with it.
        return (len(text) if last else len(text[:position].rstrip())), ""

    yield from hold_back(chunks, decide)


def find_extra_closer(
    text: str, scanned_text: str, allowed_closers: int, language: Language, *, last: bool
) -> tuple[int | None, bool]:
    """Where a line closes more than `allowed_closers` brackets, and whether that is certain.

    It is not where the line may open as many again, which is known at its end, or with the `last`
    of the text. Brackets are looked for in `scanned_text`: `text`, or `text` as it would go on.
    """
    depth, first, end = allowed_closers, None, 0
    for position, change in scan_brackets(scanned_text, language).depth_changes:
        if position >= end:
            if first is not None and depth < 0:
                return first, True
            first, end = None, find_line_end(text, position)
        depth += change
        if depth < 0 and first is None:
            first = position
    line_is_complete = last or end < len(text)
    if first is not None and depth < 0:
        return first, line_is_complete
    return None if line_is_complete else first, False


def strip_gap_before_suffix(text: str, hole: Hole) -> str:
    """A text without the white space at its end that the suffix has, or that leads a closer."""
    if hole.suffix.startswith("\n"):
        return text.rstrip()
    line = text.rpartition("\n")[2]
    return text[: len(text) - len(line)] if "\n" in text and not line.strip() else text


def find_line_end(text: str, position: int) -> int:
    """Where the line of a place ends: at its line feed, or with the text."""
    end = text.find("\n", position)
    return len(text) if end < 0 else end
