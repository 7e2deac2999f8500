"""A change of one file as a patch in the unified format, which `git apply` and `patch` read.

The format is that of `diff -u` (POSIX.1-2017), with what git adds to it: a name with odd bytes is
quoted like a string of C (git-config, `core.quotePath`), and a tab ends a name with a space in it.
Lines end with line feeds only: a carriage return is a part of its line. There is a `diff --git`
line only where a name is told from the top of a repository: that is how git takes the names behind
it, and those of other patches as relative to the current folder.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

PATCH_CONTEXT_LINES = 3
LINE_BYTES = re.compile(rb"[^\n]*\n|[^\n]+")
ODD_BYTE = re.compile(rb'[\x00-\x1f"\\\x7f-\xff]')
C_ESCAPES = dict(zip(b'\a\b\t\n\v\f\r"\\', b'abtnvfr"\\', strict=True))
NO_NEWLINE_NOTE = b"\n\\ No newline at end of file\n"


@dataclass(frozen=True)
class PatchTarget:
    """What a patch calls its file, as seen from a folder; None is the current one."""

    name: str
    folder: Path | None = None

    @classmethod
    def of(cls, path: str) -> "PatchTarget":
        """The file that a path leads to.

        No patch may have a name with `..` in it. A file that is not below the current folder is
        told from the top of its repository, or from its own folder.
        """
        file, current = Path(os.path.realpath(path)), Path.cwd()
        if file.is_relative_to(current):
            return cls(file.relative_to(current).as_posix())
        top = next((folder for folder in file.parents if (folder / ".git").exists()), file.parent)
        return cls(file.relative_to(top).as_posix(), top)

    def patch(self, old: bytes, new: bytes) -> bytes:
        """One hunk that makes `new` of the file `old`; nothing where they are alike."""
        return format_patch(os.fsencode(self.name), old, new, from_top=self.folder is not None)


def format_patch(name: bytes, old: bytes, new: bytes, *, from_top: bool = False) -> bytes:
    """One hunk that makes `new` of the file `old`; nothing where they are alike."""
    if old == new:
        return b""
    names = quote_filename(b"a/" + name), quote_filename(b"b/" + name)
    head = b"diff --git %b %b\n" % tuple(each.removesuffix(b"\t") for each in names)
    before, after = LINE_BYTES.findall(old), LINE_BYTES.findall(new)
    begin = count_common_lines(before, after)
    end = count_common_lines(before[begin:][::-1], after[begin:][::-1])
    first, last = max(begin - PATCH_CONTEXT_LINES, 0), max(end - PATCH_CONTEXT_LINES, 0)
    removed, added = before[begin : len(before) - end], after[begin : len(after) - end]
    leading, trailing = before[first:begin], before[len(before) - end : len(before) - last]
    context_count = len(leading) + len(trailing)
    return b"".join(
        (
            head if from_top else b"",
            b"--- %b\n+++ %b\n" % names,
            b"@@ -%b " % format_hunk_range(first, context_count + len(removed)),
            b"+%b @@\n" % format_hunk_range(first, context_count + len(added)),
            *prefix_lines(b" ", leading),
            *prefix_lines(b"-", removed),
            *prefix_lines(b"+", added),
            *prefix_lines(b" ", trailing),
        )
    )


def count_common_lines(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """How many lines two texts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def format_hunk_range(first: int, count: int) -> bytes:
    """Where lines stand in a file, as a hunk's head tells it; nothing stands behind a line."""
    if count == 1:
        return b"%d" % (first + 1)
    return b"%d,%d" % (first + bool(count), count)


def prefix_lines(mark: bytes, lines: Sequence[bytes]) -> list[bytes]:
    """Lines of a hunk, and what follows the last line of a file that does not end with one."""
    return [mark + (line if line.endswith(b"\n") else line + NO_NEWLINE_NOTE) for line in lines]


def quote_filename(name: bytes) -> bytes:
    """A file's name as git writes it in a patch."""
    if ODD_BYTE.search(name):
        name = b'"%b"' % ODD_BYTE.sub(escape_byte, name)
    return name + b"\t" if b" " in name else name


def escape_byte(match: re.Match[bytes]) -> bytes:
    """An odd byte of a name as in a string of C."""
    code = match.group()[0]
    letter = C_ESCAPES.get(code)
    return b"\\%c" % letter if letter else b"\\%03o" % code
