"""A change to one file as a unified patch, which `git apply` and `patch` can read.

The format is that of `diff -u` (POSIX.1-2017), with git's additions: a name with odd bytes is
quoted like a C string (git-config, `core.quotePath`), and a tab ends a name that contains a space.
Lines end at line feeds only: a carriage return is part of its line. There is a `diff --git` line
only if the name is relative to the top of a repository: git then reads the following names the same
way, and those of other patches as relative to the current folder.
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
    """A patch's name for its file, relative to a folder; None is the current one."""

    name: str
    folder: Path | None = None

    @classmethod
    def of(cls, path: str) -> "PatchTarget":
        """The target for a path.

        A patch must not have a name with `..` in it. A file outside the current folder is named
        relative to the top of its repository, or to its own folder.
        """
        file, current = Path(os.path.realpath(path)), Path.cwd()
        if file.is_relative_to(current):
            return cls(file.relative_to(current).as_posix())
        top = next((folder for folder in file.parents if (folder / ".git").exists()), file.parent)
        return cls(file.relative_to(top).as_posix(), top)

    def patch(self, old: bytes, new: bytes) -> bytes:
        """One hunk that turns the file from `old` into `new`; empty if they are equal."""
        return format_patch(os.fsencode(self.name), old, new, from_top=self.folder is not None)


def format_patch(name: bytes, old: bytes, new: bytes, *, from_top: bool = False) -> bytes:
    """One hunk that turns the file from `old` into `new`; empty if they are equal."""
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
    """The number of equal lines at the beginning of two texts."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def format_hunk_range(first: int, count: int) -> bytes:
    """Format a line range for a hunk header; an empty range names the line before it."""
    if count == 1:
        return b"%d" % (first + 1)
    return b"%d,%d" % (first + bool(count), count)


def prefix_lines(mark: bytes, lines: Sequence[bytes]) -> list[bytes]:
    """Prefix the lines of a hunk, noting a missing newline at the end of the file."""
    return [mark + (line if line.endswith(b"\n") else line + NO_NEWLINE_NOTE) for line in lines]


def quote_filename(name: bytes) -> bytes:
    """Format a file's name as git writes it in a patch."""
    if ODD_BYTE.search(name):
        name = b'"%b"' % ODD_BYTE.sub(escape_byte, name)
    return name + b"\t" if b" " in name else name


def escape_byte(match: re.Match[bytes]) -> bytes:
    """Escape an odd byte of a name as in a C string."""
    code = match.group()[0]
    letter = C_ESCAPES.get(code)
    return b"\\%c" % letter if letter else b"\\%03o" % code
