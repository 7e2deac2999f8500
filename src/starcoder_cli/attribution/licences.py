"""SPDX licence expressions: a canonical spelling, and lists of denied and allowed licences.

ScanCode's list of licences, which comes with `license-expression`, says what is copyleft.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from starcoder_cli.attribution.tokens import NON_CODE_LANGUAGES
from starcoder_cli.errors import UsageError
from starcoder_cli.languages import detect_language
from starcoder_cli.system.foreign import ForeignError, foreign_errors
from starcoder_cli.system.subsequence import lcs_length

if TYPE_CHECKING:
    from license_expression import LicenseExpression, Licensing

COPYLEFT, PERMISSIVE, UNKNOWN_LICENCE = "copyleft", "permissive", "unknown"
PERMISSIVE_CATEGORIES = {"Permissive", "Public Domain"}
LICENCE_REF_PREFIX = "LicenseRef-"
MAX_EXPRESSION_CHARACTERS = 500
COPYRIGHT_LINE = re.compile(r"^[ \t]*(Copyright|\(C\)) .*$", re.IGNORECASE | re.MULTILINE)
TERMS_END = "END OF TERMS AND CONDITIONS"
"""What comes after it in Apache's and GNU's licences says how to apply them."""

MAX_DIFFERENT_SHARE = 0.1
"""Share of the words of a text; a replaced word counts twice."""


def normalize_licence(text: str) -> str:
    """An expression in SPDX's spelling; empty if invalid. `GPL-3.0` becomes GPL-3.0-only."""
    parsed = _parse_expression(text)
    return str(parsed) if parsed is not None else ""


@dataclass(frozen=True)
class LicenceDenyList:
    """Unwanted licences: by name, all copyleft ones, or unknown ones."""

    names: frozenset[str]
    copyleft: bool = False
    unknown: bool = False

    @classmethod
    def parse(cls, words: Sequence[str]) -> "LicenceDenyList":
        """Parse expressions, `copyleft` and `unknown`; raises UsageError for anything else."""
        names = parse_names(words, (COPYLEFT, UNKNOWN_LICENCE))
        lower = {word.lower() for word in words}
        return cls(names, COPYLEFT in lower, UNKNOWN_LICENCE in lower)

    def denies(self, licence: str) -> bool:
        """Whether using code under this licence requires accepting a denied one.

        With `MIT OR GPL-2.0-only` one can choose the first; an exception does not lift the denial
        of its base licence.
        """
        parsed = _parse_expression(licence)
        return self.unknown if parsed is None else self._denies(parsed)

    def _denies(self, parsed: "LicenseExpression") -> bool:
        if parsed.isliteral:
            base = getattr(parsed, "license_symbol", parsed)
            if self.names & {str(parsed), str(base)}:
                return True
            return self.copyleft and "Copyleft" in _load_licence_categories().get(
                str(base).lower(), ""
            )
        parts = [self._denies(part) for part in parsed.args]
        return all(parts) if parsed.operator.strip() == "OR" else any(parts)


@dataclass(frozen=True)
class LicenceAllowList:
    """Licences that code may be used under: by name, all permissive ones, or unknown ones."""

    names: frozenset[str]
    permissive: bool = False
    unknown: bool = False

    @classmethod
    def parse(cls, words: Sequence[str]) -> "LicenceAllowList":
        """Parse expressions, `permissive` and `unknown`; raises UsageError for anything else."""
        names = parse_names(words, (PERMISSIVE, UNKNOWN_LICENCE))
        lower = {word.lower() for word in words}
        return cls(names, PERMISSIVE in lower, UNKNOWN_LICENCE in lower)

    def allows(self, licence: str) -> bool:
        """Whether code under a licence may be used under the allowed ones.

        With `MIT OR GPL-2.0-only` one can choose the first; `MIT AND GPL-2.0-only` needs both.
        """
        parsed = _parse_expression(licence)
        return self.unknown if parsed is None else self._allows(parsed)

    def _allows(self, parsed: "LicenseExpression") -> bool:
        if parsed.isliteral:
            base = getattr(parsed, "license_symbol", parsed)
            if self.names & {str(parsed), str(base)}:
                return True
            category = _load_licence_categories().get(str(base).lower(), "")
            return self.permissive and category in PERMISSIVE_CATEGORIES
        parts = [self._allows(part) for part in parsed.args]
        return any(parts) if parsed.operator.strip() == "OR" else all(parts)


def parse_names(words: Sequence[str], keywords: Sequence[str]) -> frozenset[str]:
    """The licences in expressions, without keywords; raises UsageError for anything else."""
    names: set[str] = set()
    for word in words:
        if word.lower() in keywords:
            continue
        parsed = _parse_expression(word)
        if parsed is None:
            raise UsageError(
                f"{word!r} is not a licence expression",
                f"name licences as SPDX does, such as GPL-3.0-only, or {', or '.join(keywords)}",
            )
        names |= {str(symbol) for symbol in parsed.symbols}
    return frozenset(names)


def _parse_expression(text: str) -> "LicenseExpression | None":
    """Parse an expression whose names are in SPDX's list or begin with LicenseRef-."""
    if not text.strip() or not text.isascii() or len(text) > MAX_EXPRESSION_CHARACTERS:
        return None
    licensing = _load_spdx_licensing()
    try:
        with foreign_errors():  # it raises IndexError for `()`
            parsed = licensing.parse(text)
            unknown_keys = licensing.unknown_license_keys(parsed)
    except ForeignError:
        return None
    return parsed if all(key.startswith(LICENCE_REF_PREFIX) for key in unknown_keys) else None


@cache
def _load_spdx_licensing() -> "Licensing":
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def _load_licence_categories() -> Mapping[str, str]:
    """Each licence's category, by its names in lower case."""
    from license_expression import get_license_index

    return {
        name.lower(): licence["category"]
        for licence in get_license_index()
        for name in (licence["spdx_license_key"], *licence["other_spdx_license_keys"])
        if name
    }


LICENCE_HEADER_BYTES = 4096
MAX_LICENCE_FILES = 1000
MAX_LICENCE_TEXT_BYTES = 64 << 10  # the longest licences have half as much
SPDX_HEADER = re.compile(rb"SPDX-License-Identifier:[ \t]*+([A-Za-z0-9.+() \t-]{1,200})")
LICENCE_FILE_NAME = re.compile(r"(?:un)?licen[cs]es?(?:[.-].*)?|copying(?:[.-].*)?", re.IGNORECASE)


def find_header_licence(data: bytes) -> str:
    """The licence in a file's own SPDX-License-Identifier; empty if there is none."""
    match = SPDX_HEADER.search(data[:LICENCE_HEADER_BYTES])
    return normalize_licence(match[1].decode().strip(" \t-")) if match else ""


def is_licence_file(name: str) -> bool:
    """Whether a file has the name of a licence text: `LICENSE`, `COPYING.LESSER`."""
    path = PurePosixPath(name)
    language = detect_language(path.name)
    in_folder = path.parent.name.lower() in ("licenses", "licences")
    has_licence_name = in_folder or LICENCE_FILE_NAME.fullmatch(path.name)
    return bool(has_licence_name) and (language is None or language.name in NON_CODE_LANGUAGES)


def find_licence_files(names: Iterable[str]) -> Iterator[str]:
    """The first of these names that are of licence files: a text takes milliseconds to identify."""
    return islice(filter(is_licence_file, names), MAX_LICENCE_FILES)


@lru_cache(maxsize=4096)
def identify_licence(text: bytes) -> str:
    """The licence with this text, give or take a few words; empty for any other text."""
    if len(text) > MAX_LICENCE_TEXT_BYTES:
        return ""
    words = licence_words(text.decode("utf-8", "replace"))
    counts = [(count_different_words(words, known), name) for name, known in known_licences()]
    least, name = min(counts)
    return normalize_licence(name) if least < MAX_DIFFERENT_SHARE * len(words) else ""


def count_different_words(words: Sequence[str], known: Sequence[str]) -> int:
    """The number of words in only one of two texts, compared in order.

    If the words are far apart in any order, how many differ in that is returned.
    """
    most = MAX_DIFFERENT_SHARE * len(words)
    if (apart := abs(len(words) - len(known))) > most:
        return apart
    own, others = Counter(words), Counter(known)
    if (apart := ((own - others) + (others - own)).total()) > most:
        return apart
    return len(words) + len(known) - 2 * lcs_length(words, known)


@cache
def known_licences() -> Sequence[tuple[str, Sequence[str]]]:
    """The names and words of licences, from choosealicense.com; also without their appendices."""
    from identify.vendor.licenses import LICENSES

    terms = [(name, text.partition(TERMS_END)) for name, text in LICENSES]
    texts = [("".join(parts[:end]), name) for name, parts in terms for end in (3, 2)]
    return [(name, licence_words(text)) for text, name in dict.fromkeys(texts)]


def licence_words(text: str) -> Sequence[str]:
    """The words of a licence, without its copyright lines."""
    return COPYRIGHT_LINE.sub("", text).split()
