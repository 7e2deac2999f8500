"""What of the code that an answer replaces is not in it: left out, emptied, or no longer defined.

An instruction that names what goes, or asks to take something away, is taken at its word.
"""

import re
from collections.abc import Mapping

from starcoder_cli.app.edit import EditTask
from starcoder_cli.app.task import Task
from starcoder_cli.candidates.functions import find_functions
from starcoder_cli.context.definitions import find_definitions
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.brought_names import (
    find_brought_names,
    find_imported_names,
    find_words,
)
from starcoder_cli.postprocess.code_block import stripped_lines
from starcoder_cli.postprocess.lost_lines import find_losses
from starcoder_cli.postprocess.omission import find_omission

REFUSAL = re.compile(
    r"\W*(I['’]m (very )?sorry|I am sorry|sorry,|I can(not|['’]t) (help|assist|do|provide|comply)"
    r"|I['’]?( a)?m (unable|not able) to|as an AI\b)",
    re.IGNORECASE,
)

MIN_COMPARED_LINES = 4
MIN_SIZE_RATIO = 4
"""New code that has no line of so many, and is so many times shorter, is none of theirs."""

TAKING_AWAY = re.compile(
    r"\b(remov|delet|drop|inlin|merg|consolidat|simplif|unus|dead\b|rid\b|stub|empty|skeleton"
    r"|mov(e|ing)\b|extract|strip)",
    re.IGNORECASE,
)
"""How an instruction asks for less than there is."""

MAX_TAKEN_SHARE = 0.5
"""More of the lines than that are not what such an instruction means."""

KEY_PATTERNS: Mapping[str, str] = {
    "json": r'"(?P<name>(?:[^"\\\n]|\\.)+)"\s*:',
    "yaml": r"^[ \t]*(?:-[ \t]+)*(?P<name>[\w./-]+|'[^'\n]+'|\"[^\"\n]+\")[ \t]*:(?=\s)",
    "toml": r"^[ \t]*(?:\[+[ \t]*)?(?P<name>[\w.\"'-]+)[ \t]*[=\]]",
}


def find_loss(text: str, original: str, task: Task) -> str:
    """What an answer has in place of the code that it replaces; empty where that is code."""
    lines = stripped_lines(original)
    if lines and (omission := find_omission(text, original, task.language)):
        return f"the answer leaves code out, where it says {omission!r}"
    if not task.replaces_code:
        return ""
    new_lines = stripped_lines(text)
    if REFUSAL.match(new_lines[0]) and not REFUSAL.match(original.lstrip()):
        return f"the answer is no code: it says {new_lines[0]!r}"
    is_short = MIN_COMPARED_LINES <= len(lines) >= MIN_SIZE_RATIO * len(new_lines)
    if is_short and not set(lines).intersection(new_lines):
        return f"the answer has nothing of the {len(lines)} lines that it would replace"
    if isinstance(task, EditTask):
        return find_lost_code(text, original, task.language, task.instruction)
    return ""


def find_lost_code(text: str, original: str, language: Language, instruction: str) -> str:
    """What is lost of some code that is to be written anew; empty where nothing is."""
    takes_away = TAKING_AWAY.search(instruction) is not None
    if not takes_away and (name := find_lost_name(text, original, language.name, instruction)):
        return f"the answer lacks {name!r}, which the code defines"
    if not takes_away and (name := find_emptied_function(text, original, language.name)):
        return f"the answer lacks the code of {name!r}"
    if line := find_lost_import(text, original):
        return f"the answer lacks {line!r}, which it needs"
    losses = [
        loss
        for loss in find_losses(text, original, language)
        if loss.comment or not any(has_word(word, instruction) for word in loss.lines[0].words)
    ]
    count = sum(len(loss.lines) for loss in losses)
    if not losses or (takes_away and count <= MAX_TAKEN_SHARE * len(stripped_lines(original))):
        return ""
    if comment := next((loss.comment for loss in losses if loss.comment), ""):
        return f"the answer leaves code out, where it says {comment!r}"
    return f"the answer lacks {count} lines of the code, such as {losses[0].lines[0].text!r}"


def find_lost_name(text: str, original: str, language: str, instruction: str) -> str:
    """The first name that code defines, and new code with fewer definitions does not.

    Nor does it import it or give it a value, nor does the instruction name it.
    """
    before, after = (list_names(code, language) for code in (original, text))
    if len(after) >= len(before):
        return ""
    return next(
        (
            name
            for name in before
            if name not in after
            and not has_word(name, instruction)
            and not re.search(rf"\b{re.escape(name)}\s*[:=]|import\b.*\b{re.escape(name)}\b", text)
        ),
        "",
    )


def find_lost_import(text: str, original: str) -> str:
    """The first import of some code whose name new code uses, and nothing in that brings."""
    new_lines = set(stripped_lines(text))
    used = find_words(text) - find_brought_names(text)
    return next(
        (
            line
            for line in stripped_lines(original)
            if line not in new_lines and used & find_imported_names(line)
        ),
        "",
    )


def has_word(word: str, text: str) -> bool:
    """Whether a text has a word, not as part of another."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def list_names(text: str, language: str) -> list[str]:
    """The names that a text defines, in order: of definitions, or of the keys of data."""
    if pattern := KEY_PATTERNS.get(language):
        return [match["name"] for match in re.finditer(pattern, text, re.MULTILINE)]
    return [each.name for each in find_definitions(text, language)]


def find_emptied_function(text: str, original: str, language: str) -> str:
    """The first function that does something in code, and nothing in new code."""
    after = find_functions(text, language)
    return next(
        (
            name
            for name, is_working in find_functions(original, language).items()
            if is_working and after.get(name) is False
        ),
        "",
    )
