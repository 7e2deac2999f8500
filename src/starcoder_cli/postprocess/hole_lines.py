"""The lines around a hole, and how the lines of an answer relate to them."""

import re

from starcoder_cli.model import Hole
from starcoder_cli.postprocess.indentation import (
    BLOCK_START,
    head_indent,
    indent_columns,
)
from starcoder_cli.postprocess.lexical import count_unpaired
from starcoder_cli.postprocess.soundness import BEGINS_BY_CLOSING, SoundnessCheck
from starcoder_cli.postprocess.suffix_match import count_certain_lines

CONTINUATION = re.compile(
    r"[\s})\]]*(else|elif|elsif|elseif|except|finally|catch|rescue|ensure|when|case|default|in)\b"
    r"|\s*((public|protected|private|Q_SIGNALS|signals)( +(slots|Q_SLOTS))?) *(:|$)"
    r"|\s*((?i:exception|where)|ifn?eq|ifn?def|endif)\b"
    r"|\s*(\|(?!\|)|(\{|then|do)\s*$)"
)
OPENS_BRACKET = re.compile(r"[({\[]\s*((//|#).*|/\*.*\*/)?$")
JUMPS = ("return", "raise", "throw", "break", "continue")


def without_blank_end(text: str) -> str:
    """A text without the line end of its last line that is not blank, and all after it."""
    code = text.rstrip(" \t\n")
    return text[: len(code)] + text[len(code) :].partition("\n")[0]


class HoleLines:
    """What is known about a hole before there is an answer.

    `own_line` is what is before it on its line, `begins_line` that this is only white space,
    `line_prefix`.
    `suffix_lines` are the suffix's lines that are not blank, the first preceded by that white
    space if it shares its line with the hole; `rest` is the shared part. `certain_lines` of them
    in an answer are no coincidence. `suffix_closes` says that it begins by closing something, and
    `is_bracketed` that only what closes the hole's block can end it.
    """

    def __init__(self, hole: Hole, *, in_block: bool) -> None:
        self.own_line = own_line = hole.prefix.rpartition("\n")[2]
        self.begins_line = not own_line.strip()
        self.line_prefix = own_line if self.begins_line else ""
        self.rest = hole.suffix.partition("\n")[0].rstrip() if self.line_prefix else ""
        self.suffix_lines = [line.rstrip() for line in hole.suffix.split("\n") if line.strip()]
        self.suffix_closes = bool(BEGINS_BY_CLOSING.match(hole.suffix))
        self._suffix = hole.suffix
        self._indent = hole_indent(hole.prefix)
        suffix_indent = indent_columns(self.suffix_lines[0]) if self.suffix_lines else 0
        self._suffix_indent = suffix_indent if self.suffix_lines else None
        # A line further left than the suffix leaves the block of the hole; one equally far left
        # does if the hole is further right. After the last line of a file the margin counts.
        is_deeper = self._indent > suffix_indent
        self._block_limit = (suffix_indent if is_deeper else suffix_indent - 1) if in_block else -1
        if self.rest:
            self.suffix_lines[0] = self.line_prefix + self.suffix_lines[0]
        before = [line.rstrip() for line in hole.prefix.split("\n") if line.strip()]
        self.certain_lines = count_certain_lines(self.suffix_lines, before)
        outer = (at for at, line in enumerate(before) if indent_columns(line) < self._indent)
        header = max(outer, default=len(before))  # the line that opens the hole's block
        self._header = "".join(before[header : header + 1])
        if self.begins_line:  # the head of a block may close its brackets on a later line
            ends = OPENS_BRACKET.search(self._header) is not None
            opens = ends and count_unpaired("\n".join(before[header:]))[1] > 0
        else:
            opens = OPENS_BRACKET.search(own_line) is not None
        self.is_bracketed = opens or (self.begins_line and self.suffix_closes)

    def answer_indent(self, line: str, *, is_first: bool) -> int:
        """How far right an answer begins, according to its first line that is not blank."""
        return self._indent if is_first and not self.begins_line else indent_columns(line)

    def is_left_of_block(self, line: str, answer_indent: int | None) -> bool:
        """Whether a line is further left than the answer began and than the hole's block.

        A line that continues a statement, as `else` does, is not.
        """
        indent = indent_columns(line)
        return (
            answer_indent is not None
            and indent <= self._block_limit
            and indent < answer_indent
            and not CONTINUATION.match(line)
        )

    def begins_again(self, answer: str, indent: int | None, start: int, end: int) -> bool:
        """Whether an answer leaves the hole's block between two positions, and opens it again."""
        lines = [line.rstrip() for line in answer[start:end].split("\n") if line.strip()]
        has_left = any(self.is_left_of_block(line, indent) for line in lines)
        return has_left and bool(self._header) and self._header in lines

    def may_leave_block(self, line: str, answer_indent: int | None) -> bool:
        """Whether a line that begins like this may leave the block: `in` may become `int`."""
        return any(self.is_left_of_block(line + more, answer_indent) for more in ("", "a"))

    def is_past(self, line: str, before: str, check: SoundnessCheck) -> bool:
        """Whether a line that leaves the block is past the statement that is completed.

        After the beginning of a line, nobody expects more than the end of its statement. A line
        that closes what that line, or the answer `before` it, has opened is part of it.
        """
        text = self.own_line + before
        is_closing = check.count_open(text) > check.count_open(text + line)
        return not self.begins_line and not is_closing

    def may_jump(self, line: str) -> bool:
        """Whether a line, or one that begins so, may be a jump as deep as the suffix."""
        word = line.strip().partition(" ")[0].rstrip(";")
        return indent_columns(line) == self._suffix_indent and any(
            jump.startswith(word) for jump in JUMPS
        )

    def without_gap(self, text: str) -> str:
        """A text without the blank lines at its end that the suffix begins with."""
        body = without_blank_end(text)
        if not self._suffix:
            return body + "\n" * (len(body) < len(text))
        gap = self._suffix[: len(self._suffix) - len(self._suffix.lstrip())]
        return body.removesuffix(gap.partition("\n")[0]) if "\n" in gap else text

    def without_blank_lines(self, text: str) -> str:
        """A text without the blank lines at its end; its last line keeps its end if necessary."""
        body = without_blank_end(text)
        return body + text[len(body) :][:1] if text == self.without_gap(text) else body


def hole_indent(prefix: str) -> int:
    """How far right a hole after a prefix is: like its own line, or the code before it.

    After the head of a block it is deeper than where that begins, by an unknown amount.
    """
    own_line = prefix.rpartition("\n")[2]
    if own_line and not own_line.strip():
        return indent_columns(own_line + "|")
    line = prefix.rstrip().rpartition("\n")[2]
    return head_indent(prefix) + 1 if BLOCK_START.search(line) else indent_columns(line)
