"""What decides how much of an answer belongs in its hole."""

from dataclasses import dataclass

from starcoder_cli.languages import Language
from starcoder_cli.settings import LineMode

PROSE_LANGUAGES = {"markdown", "restructuredtext", "rmarkdown", "tex", "text"}


@dataclass(frozen=True)
class TrimOptions:
    """How an answer for a hole is trimmed.

    `replaced` is what the file has in the hole now. Of prose little is known. An answer that is
    shown while it is made, `live`, cannot be cut back where it was cut off. One that is not
    `may_go_on` behind its one line, where that alone would break the file.
    """

    language: Language
    lines: LineMode = "block"
    replaced: str = ""
    is_prose: bool = False
    live: bool = False
    may_go_on: bool = False
