"""Detect files that are not UTF-8, by their bytes or by their declared encoding.

Answers are written as UTF-8: among other bytes they would be read as other characters.
"""

import codecs
import re

from starcoder_cli.errors import DataError

SURROGATE = re.compile("[\ud800-\udfff]")
"""The surrogates that stand for bytes that are not UTF-8 (PEP 383)."""

OTHER_CHARACTERS = re.compile("[^\0-\x7f\ud800-\udfff]")

# PEP 263, which Ruby and Emacs share; XML; CSS; HTML.
COMMENT = re.compile(r"(?:.*\n)?[ \t\f]*(?:#|//|--|;|%|/\*).*?coding[:=][ \t]*[\"']?([-\w.]+)")
MARKUP = re.compile(
    r"\s*<\?xml[^>]*?\bencoding\s*=\s*[\"']([-\w.]+)|@charset\s+\"([-\w.]+)\""
    r"|\s*<[\s\S]{0,1024}?<meta\b[^>]*?\bcharset\s*=\s*[\"']?([-\w.]+)",
    re.IGNORECASE,
)


def check_can_hold(document: str, text: str, name: str) -> None:
    """Raise DataError if a text cannot be put into a document as UTF-8."""
    if not OTHER_CHARACTERS.search(text):
        return
    what = "and the answer has characters that are not ASCII"
    undecodable = len(SURROGATE.findall(document))
    # More valid characters than invalid bytes: such a file is UTF-8 with errors.
    characters = len(OTHER_CHARACTERS.findall(document.removeprefix("\ufeff")))
    if undecodable >= max(1, characters):
        raise DataError(
            f"{name} is not UTF-8, {what}",
            "convert it first, for example with `iconv -f latin1 -t utf-8`",
        )
    if not characters and (encoding := find_declared_encoding(document)):
        raise DataError(
            f"{name} says that it is in {encoding}, {what}",
            "convert it to UTF-8 first, and have it say so",
        )


def find_declared_encoding(document: str) -> str:
    """The non-UTF-8 encoding declared at the start of a document; empty if there is none."""
    match = COMMENT.match(document) or MARKUP.match(document)
    named = next(filter(None, match.groups()), "") if match else ""
    encoding = re.sub("-(unix|dos|mac)$", "", named)
    try:
        "".encode(encoding or "utf-8")
    except (LookupError, UnicodeError):  # the comment is about something else
        return ""
    return "" if not encoding or codecs.lookup(encoding).name.startswith("utf-8") else encoding
