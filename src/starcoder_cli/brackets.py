"""The brackets of some code, with those in strings and comments left out.

It needs no grammar: it knows a language's quotes and comments, and forgives what it does not know,
since a string that nothing ends stops at the end of its line.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from starcoder_cli.languages import Language

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
