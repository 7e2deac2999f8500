"""`.starcoderignore`: the files of a project that its owner does not want in an index.

The lines have the syntax and meaning of .gitignore: the last match counts, `!` negates, a trailing
slash means folders, a slash elsewhere anchors the pattern to the root, and characters are bytes
(gitignore(5), and `wildmatch` for what that leaves open).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from starcoder_cli.errors import MalformedError

IGNORE_FILE_NAME = ".starcoderignore"
MAX_IGNORE_LINES = 1000
MAX_IGNORE_LINE_BYTES = 4096
MAX_IGNORE_STARS = 2000
"""Each star takes a pass over each path: without a limit a file could block for hours."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

WITHOUT_TRAILING_SPACES = re.compile(rb"((?:\\.|[^\\ ]| +(?=[^ ]))*+) *", re.DOTALL)
CLASS_NAME = re.compile(rb"\[:([^]]*):\]")
CLASS_RANGE = re.compile(rb"-(\\.|[^]\\])", re.DOTALL)
CLASS_BYTE = re.compile(rb"(\\.|[^\\])", re.DOTALL)
BYTE_CLASSES = {
    name.encode(): frozenset(code for code in range(128) if re.match(pattern, chr(code), re.ASCII))
    for name, pattern in {
        **{"alnum": r"[^\W_]", "alpha": r"[^\W\d_]", "digit": r"\d", "xdigit": "[0-9A-Fa-f]"},
        **{"lower": "[a-z]", "upper": "[A-Z]", "blank": r"[ \t]", "space": r"\s"},
        **{
            "cntrl": r"[\0-\x1f\x7f]",
            "graph": "[!-~]",
            "print": "[ -~]",
            "punct": r"(?!\w)[!-~]|_",
        },
    }.items()
}
SLASH = ord("/")
NOTHING = b"(?!)"
FOLDERS = b"(?:[^/]*/)"


@dataclass(frozen=True)
class IgnorePattern:
    """A line: the pattern it matches, whether against a path or a name, and its meaning."""

    regex: re.Pattern[bytes]
    takes_back: bool
    means_folders: bool
    is_path: bool

    @classmethod
    def parse(cls, line: bytes) -> "IgnorePattern":
        """Parse a line that is not a comment."""
        text = line.removeprefix(b"!")
        pattern = text.removesuffix(b"/")
        is_path = b"/" in pattern
        regex = translate_pattern(pattern.removeprefix(b"/"), is_path)
        return cls(re.compile(regex, re.DOTALL), text != line, pattern != text, is_path)

    def fits(self, path: bytes, is_folder: bool) -> bool:
        """Whether the line applies to a path."""
        if self.means_folders and not is_folder:
            return False
        subject = path if self.is_path else path.rpartition(b"/")[2]
        return self.regex.fullmatch(subject) is not None


@dataclass(frozen=True)
class IgnoreRules:
    """The lines of an ignore file, and what they exclude."""

    patterns: tuple[IgnorePattern, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> "IgnoreRules":
        """Parse the file's bytes; raises MalformedError if there are unreasonably many."""
        lines = [*split_lines(data)]
        if len(lines) > MAX_IGNORE_LINES:
            raise MalformedError(f"it has more than {MAX_IGNORE_LINES} lines")
        if any(len(line) > MAX_IGNORE_LINE_BYTES for line in lines):
            raise MalformedError(f"it has a line of more than {MAX_IGNORE_LINE_BYTES} bytes")
        if sum(line.count(b"*") for line in lines) > MAX_IGNORE_STARS:
            raise MalformedError(f"it has more than {MAX_IGNORE_STARS} stars")
        return cls(tuple(IgnorePattern.parse(line) for line in lines))

    def excludes(self, name: str) -> bool:
        """Whether a file is excluded, by itself or with one of its folders."""
        path = os.fsencode(name)
        folders = (path[: match.start()] for match in re.finditer(b"/", path))
        return any(self._is_excluded(folder, True) for folder in folders) or self._is_excluded(
            path, False
        )

    def _is_excluded(self, path: bytes, is_folder: bool) -> bool:
        """What the last matching line says."""
        fitting = (line for line in reversed(self.patterns) if line.fits(path, is_folder))
        last = next(fitting, None)
        return last is not None and not last.takes_back


def split_lines(data: bytes) -> Iterator[bytes]:
    """The lines that are patterns, without what git strips from their ends."""
    for line in data.removeprefix(BYTE_ORDER_MARK).split(b"\n"):
        text = line.removesuffix(b"\r").partition(b"\0")[0]
        if text and not line.startswith(b"#"):
            trimmed = WITHOUT_TRAILING_SPACES.fullmatch(text)
            yield trimmed[1] if trimmed else text


def translate_pattern(pattern: bytes, is_path: bool) -> bytes:
    """Translate a pattern into a regular expression, whose time grows with both lengths.

    After a star the first position where the next bytes match is as good as any, so there is no
    backtracking: `(?>...)`. The same holds for `**` and the folder names after it.
    """
    pieces: list[bytes] = []
    piece, chunk, position = b"", b"", 0
    after_star = False
    while position < len(pattern):
        end, atom = translate_atom(pattern, position)
        if atom is not None:
            chunk += atom
            if atom == b"/":
                piece, chunk, after_star = piece + b"[^/]*" * after_star + chunk, b"", False
        elif is_path and (folders := match_double_star(pattern, position, end)):
            piece += b"[^/]*" * after_star + chunk
            pieces += [piece, folders[0]]
            piece, chunk, after_star, end = b"", b"", False, folders[1]
        else:
            piece += b"(?>[^/]*?%b)" % chunk if after_star else chunk
            chunk, after_star = b"", True
        position = end
    piece += b"[^/]*" * after_star + chunk
    return join_pieces([*pieces, piece])


def join_pieces(pieces: list[bytes]) -> bytes:
    """Join the parts before, between and after `**` with what each `**` matches."""
    first, *rest = pieces
    pairs = [folders + piece for folders, piece in zip(rest[::2], rest[1::2], strict=True)]
    return first + b"".join(b"(?>%b)" % pair for pair in pairs[:-1]) + b"".join(pairs[-1:])


def match_double_star(pattern: bytes, start: int, end: int) -> tuple[bytes, int] | None:
    """What two or more stars match as folders, and where the rest begins; None if they do not.

    They match folders between slashes. In git they also do after text without special characters.
    """
    begins = pattern[:start].endswith(b"/") or not re.search(rb"[*?[\\]", pattern[:start])
    if end - start < 2 or not begins:
        return None
    if end == len(pattern):
        return b".*", end
    if pattern[end] == SLASH:
        return FOLDERS + b"*?", end + 1
    return (FOLDERS + b"+?", end + 2) if pattern.startswith(b"\\/", end) else None


def translate_atom(pattern: bytes, start: int) -> tuple[int, bytes | None]:
    """The end of a pattern's next part, and the byte that it matches; None for stars."""
    if pattern[start : start + 1] == b"*":
        return len(pattern) - len(pattern[start:].lstrip(b"*")), None
    if pattern[start : start + 1] == b"?":
        return start + 1, b"[^/]"
    if pattern[start : start + 1] == b"[":
        return translate_class(pattern, start)
    match = CLASS_BYTE.match(pattern, start)
    return (match.end(), re.escape(match[1][-1:])) if match else (len(pattern), NOTHING)


def translate_class(pattern: bytes, start: int) -> tuple[int, bytes]:
    """The end of a class such as `[!a-c]`, and its byte pattern: nothing if it is not closed."""
    is_negated = pattern[start + 1 : start + 2] in (b"!", b"^")
    begin = position = start + 1 + is_negated
    members: set[int] = set()
    previous: int | None = None
    while position == begin or pattern[position : position + 1] != b"]":
        if match := CLASS_NAME.match(pattern, position):
            if match[1] not in BYTE_CLASSES:
                return len(pattern), NOTHING
            members |= BYTE_CLASSES[match[1]]
            previous = None
        elif previous is not None and (match := CLASS_RANGE.match(pattern, position)):
            members |= set(range(previous, match[1][-1] + 1))
            previous = None
        elif match := CLASS_BYTE.match(pattern, position):
            previous = match[1][-1]
            members.add(previous)
        else:
            return len(pattern), NOTHING
        position = match.end()
    fitting = (set(range(256)) - members if is_negated else members) - {SLASH}
    codes = b"".join(b"\\x%02x" % code for code in sorted(fitting))
    return position + 1, b"[%b]" % codes if codes else NOTHING
