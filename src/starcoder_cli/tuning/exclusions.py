"""Which files nobody wrote by hand, or somebody else did: generated, minified and vendored ones.

The signs are those used by The Stack and GitHub's linguist (Kocetkov et al. 2022,
arXiv:2211.15533; `linguist/generated.rb`, `vendor.yml`).
"""

import re
from pathlib import PurePosixPath

MAX_LINE_CHARACTERS, MAX_MEAN_LINE_CHARACTERS = 1000, 100
MIN_ALPHANUMERIC_SHARE = 0.25
HEADER_LINES = 5
MIN_CODE_CHARACTERS = 100

VENDORED_FOLDERS = frozenset(
    {"bower_components", "dist-packages", "node_modules", "site-packages", "third-party"}
    | {"third_party", "thirdparty", "vendor", "vendored", "_vendor", "vendors", "pods"}
    | {"carthage", "extern", "external", "godeps"}
)
MINIFIED_NAME = re.compile(r"[.-]min\.(?:js|css|mjs|cjs)$")
GENERATED_NAME = re.compile(
    r"_pb2(?:_grpc)?\.pyi?$|\.pb\.(?:go|cc|h)$|\.g\.dart$|\.designer\.(?:cs|vb)$|\.generated\.\w+$"
    r"|_generated\.\w+$|^(?:y\.tab|lex\.yy)\.[ch]$|^zz_generated|\.lock$|-lock\.\w+$"
)
GENERATED_HEADER = re.compile(
    r"@generated\b|\b(?:auto-?|automatically |was |is |been )generated\b"
    r"|\bgenerated (?:by|from|with|automatically)\b|\bdo not (?:edit|modify)\b",
    re.IGNORECASE,
)


def exclusion_by_name(path: str) -> str | None:
    """Why a file is left out by its name, or None if it is not."""
    folders = {part.lower() for part in PurePosixPath(path).parts[:-1]}
    name = PurePosixPath(path).name.lower()
    if folders & VENDORED_FOLDERS:
        return "vendored"
    if MINIFIED_NAME.search(name):
        return "minified"
    return "generated" if GENERATED_NAME.search(name) else None


def exclusion_by_text(text: str) -> str | None:
    """Why a file is left out by its text, or None if it is not."""
    lines = text.splitlines()
    if len(text.strip()) < MIN_CODE_CHARACTERS:
        return "too short"
    if any(map(GENERATED_HEADER.search, lines[:HEADER_LINES])):
        return "generated"
    mean = len(text) / len(lines)
    if mean > MAX_MEAN_LINE_CHARACTERS or max(map(len, lines)) > MAX_LINE_CHARACTERS:
        return "minified"
    alphanumeric = sum(character.isalnum() for character in text)
    return None if alphanumeric >= MIN_ALPHANUMERIC_SHARE * len(text) else "data, not code"
