"""What decides how much of an answer belongs in its hole."""

from dataclasses import dataclass

from starcoder_cli.languages import Language
from starcoder_cli.settings import LineMode

PROSE_LANGUAGES = {"markdown", "restructuredtext", "rmarkdown", "tex", "text"}
FENCELESS_PROSE = {"restructuredtext", "tex"}
"""Texts that have no fences of their own."""


@dataclass(frozen=True)
class TrimOptions:
    """How an answer for a hole is trimmed.

    `replaced` is what the file has in the hole now. Little is known about prose. An answer shown
    `live`, as it is generated, cannot be cut back if it is truncated. One that `may_go_on` may
    continue past its one line if that alone would break the file.
    """

    language: Language
    lines: LineMode = "block"
    replaced: str = ""
    is_prose: bool = False
    live: bool = False
    may_go_on: bool = False
