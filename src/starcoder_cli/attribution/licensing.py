"""Which licence code is under: what a file's header says, and which text a licence file holds."""

import re
import tempfile
from functools import lru_cache
from pathlib import Path, PurePosixPath

from starcoder_cli.attribution.expressions import normal
from starcoder_cli.attribution.lexing import PROSE
from starcoder_cli.languages import detect

HEADER_BYTES = 4096
MOST_BYTES = 64 << 10  # the longest licences have half of it
HEADER = re.compile(rb"SPDX-License-Identifier:[ \t]*+([A-Za-z0-9.+() \t-]{1,200})")
FILE = re.compile(r"(?:un)?licen[cs]es?(?:[.-].*)?|copying(?:[.-].*)?", re.IGNORECASE)


def header(data: bytes) -> str:
    """The licence that a file names for itself by SPDX-License-Identifier, if it does."""
    match = HEADER.search(data[:HEADER_BYTES])
    return normal(match[1].decode().strip(" \t-")) if match else ""


def is_licence_file(name: str) -> bool:
    """Whether a file's name is that of a licence's text: `LICENSE`, `COPYING.LESSER`."""
    path = PurePosixPath(name)
    language = detect(path.name)
    in_folder = path.parent.name.lower() in ("licenses", "licences")
    named = in_folder or FILE.fullmatch(path.name)
    return bool(named) and (language is None or language.name in PROSE)


@lru_cache(maxsize=4096)
def identified(text: bytes) -> str:
    """The licence whose text this is, but for a few words; empty for any other text."""
    from identify.identify import license_id

    if len(text) > MOST_BYTES:
        return ""
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        Path(file.name).write_text(text.decode("utf-8", "replace"), encoding="utf-8")
        return normal(license_id(file.name) or "")
