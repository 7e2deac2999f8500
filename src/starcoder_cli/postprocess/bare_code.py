"""An answer that is code or text without a block around it; and how to spot chatter around it."""

import re

from starcoder_cli.candidates.syntax import count_syntax_errors
from starcoder_cli.errors import DataError
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.prose import is_sentence
from starcoder_cli.postprocess.trim_options import PROSE_LANGUAGES

ASK_AGAIN = "ask again, or another model"
OPENING = re.compile(
    r"\W*(certainly|sure|of course|absolutely|okay|got it|here(['’]s| is| are)|below is|updated)\b",
    re.IGNORECASE,
)
"""How a model begins to talk when it was asked only for a text."""

CLOSING = re.compile(
    r"\W*(let me know|feel free|hope this|i(['’]ve| have)? (added|made|changed|updated|kept|removed"
    r"|replaced|rewrote|fixed)|(key |main )?changes( made)?\W*$|note that i\b)",
    re.IGNORECASE,
)
"""How it begins to talk about what it has done."""


def require_bare_code(text: str, original: str, language: Language) -> str:
    """An answer without a block, as requested: code and nothing else.

    Raises DataError for one that talks, or that a parser understands less of than the original.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    known = {line.strip() for line in original.splitlines()}
    new_lines = [line for line in lines if line not in known]
    errors, before = (count_syntax_errors(each, language.name) or 0 for each in (text, original))
    if not lines or errors > before or talks(lines, new_lines, language):
        raise DataError("the answer has no code block", ASK_AGAIN)
    return text.strip("\n") + "\n"


def talks(lines: list[str], new_lines: list[str], language: Language) -> bool:
    """Whether some of an answer's new lines talk to the user.

    In a text for people, sentences are expected, except those that models begin and end with.
    """
    if language.name not in PROSE_LANGUAGES:
        return any(map(is_sentence, new_lines))
    is_opened = (
        bool(new_lines)
        and new_lines[0] == lines[0]
        and (OPENING.match(lines[0]) or lines[0].rstrip("*_").endswith(":"))
    )
    return bool(is_opened) or any(map(CLOSING.match, new_lines))
