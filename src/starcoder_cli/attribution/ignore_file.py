"""`.starcoderignore`: the files of a project that its owner does not want in an index.

The lines have the syntax and meaning of .gitignore: the last match counts, `!` negates, a trailing
slash means folders, a slash elsewhere anchors the pattern to the root, and characters are bytes
(gitignore(5), and `wildmatch` for what that leaves open).
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from starcoder_cli.errors import MalformedError

IGNORE_FILE_NAME = ".starcoderignore"
MAX_IGNORE_BYTES = 64 << 10
MAX_IGNORE_LINES = 1000
MAX_IGNORE_STARS = 2000
MAX_IGNORE_STEPS = 1 << 30
"""Each star takes a pass over each path: without a limit a file could block for hours.

A second has some hundred million steps.
"""
MAX_FOLDERS_KEPT = 1024

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
class AnyPattern:
    """What matches if one of several patterns does, and how many stars they have."""

    regex: re.Pattern[bytes]
    stars: int


@dataclass(frozen=True)
class IgnorePattern:
    """A line: the pattern it matches, whether against a path or a name, and its meaning."""

    regex: re.Pattern[bytes]
    takes_back: bool
    means_folders: bool
    is_path: bool
    stars: int

    @classmethod
    def parse(cls, line: bytes) -> "IgnorePattern":
        """Parse a line that is not a comment."""
        text = line.removeprefix(b"!")
        pattern = text.removesuffix(b"/")
        is_path = b"/" in pattern
        regex = translate_pattern(pattern.removeprefix(b"/"), is_path)
        stars = pattern.count(b"*")
        return cls(re.compile(regex, re.DOTALL), text != line, pattern != text, is_path, stars)

    def fits(self, path: bytes, is_folder: bool) -> bool:
        """Whether the line applies to a path."""
        if self.means_folders and not is_folder:
            return False
        subject = path if self.is_path else path.rpartition(b"/")[2]
        return self.regex.fullmatch(subject) is not None


class IgnoreRules:
    """The lines of an ignore file, and what they exclude."""

    def __init__(self, patterns: Sequence[IgnorePattern] = ()) -> None:
        self._patterns = patterns
        self._any_path = compile_any(line for line in patterns if line.is_path)
        self._any_name = compile_any(line for line in patterns if not line.is_path)
        self._is_folder_excluded = lru_cache(MAX_FOLDERS_KEPT)(self._judge_folder)
        self._steps = 0

    @classmethod
    def parse(cls, data: bytes) -> "IgnoreRules":
        """Parse the file's bytes; raises MalformedError if there are unreasonably many."""
        if len(data) > MAX_IGNORE_BYTES:
            raise MalformedError(f"it has more than {MAX_IGNORE_BYTES} bytes")
        lines = [*split_lines(data)]
        if len(lines) > MAX_IGNORE_LINES:
            raise MalformedError(f"it has more than {MAX_IGNORE_LINES} lines")
        if sum(line.count(b"*") for line in lines) > MAX_IGNORE_STARS:
            raise MalformedError(f"it has more than {MAX_IGNORE_STARS} stars")
        return cls([IgnorePattern.parse(line) for line in lines])

    def excludes(self, name: str) -> bool:
        """Whether a file is excluded, by itself or with one of its folders.

        Raises MalformedError once all calls together have taken too many steps.
        """
        path = os.fsencode(name)
        folders = (path[: match.start()] for match in re.finditer(b"/", path))
        return any(map(self._is_folder_excluded, folders)) or self._is_excluded(path, False)

    def _judge_folder(self, path: bytes) -> bool:
        return self._is_excluded(path, True)

    def _is_excluded(self, path: bytes, is_folder: bool) -> bool:
        """What the last matching line says."""
        name = path.rpartition(b"/")[2]
        self._count(len(path) * self._any_path.stars + len(name) * self._any_name.stars)
        if not (self._any_path.regex.fullmatch(path) or self._any_name.regex.fullmatch(name)):
            return False
        self._count(len(path) * self._any_path.stars + len(self._patterns))
        fitting = (line for line in reversed(self._patterns) if line.fits(path, is_folder))
        last = next(fitting, None)
        return last is not None and not last.takes_back

    def _count(self, steps: int) -> None:
        self._steps += steps + len(self._patterns)
        if self._steps > MAX_IGNORE_STEPS:
            raise MalformedError("its lines take too long to be compared with all files")


def compile_any(patterns: Iterable[IgnorePattern]) -> AnyPattern:
    """Compile several patterns into one, which tells at once that none matches."""
    lines = [*patterns]
    texts = [b"(?:%b)" % line.regex.pattern for line in lines]
    stars = sum(line.stars for line in lines)
    return AnyPattern(re.compile(b"|".join(texts) or NOTHING, re.DOTALL), stars)


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
    return position + 1, b"[%b]" % b"".join(byte_ranges(fitting)) if fitting else NOTHING


def byte_ranges(codes: set[int]) -> Iterator[bytes]:
    """Byte codes as the ranges of a regular expression's class."""
    for code in sorted(codes):
        if code - 1 not in codes:
            last = next(end for end in range(code, 256) if end + 1 not in codes)
            yield b"\\x%02x-\\x%02x" % (code, last)
