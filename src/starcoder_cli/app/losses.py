"""What an answer loses of the code that it replaces: left out, emptied, or no longer defined.

Code that is rewritten is not lost, nor is code that the instruction removes.
"""

import re
from collections.abc import Sequence

from starcoder_cli.app.edit import EditTask
from starcoder_cli.app.instruction_scope import InstructionScope, is_named
from starcoder_cli.app.lost_names import (
    KEY_PATTERNS,
    describe_name,
    find_emptied_function,
    find_lost_names,
)
from starcoder_cli.app.task import Task
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.brought_names import (
    IMPORT,
    find_brought_names,
    find_imported_names,
    find_words,
)
from starcoder_cli.postprocess.code_block import stripped_lines
from starcoder_cli.postprocess.lexical import read_pieces
from starcoder_cli.postprocess.lost_lines import MIN_COMMON_SHARE, Comparison, Loss
from starcoder_cli.postprocess.omission import find_omission
from starcoder_cli.postprocess.trim_options import PROSE_LANGUAGES

REFUSAL = re.compile(
    r"\W*(I['’]m (very )?sorry|I am sorry|sorry,|I can(not|['’]t) (help|assist|do|provide|comply)"
    r"|I['’]?( a)?m (unable|not able) to|as an AI\b)",
    re.IGNORECASE,
)

MIN_COMPARED_LINES = 4
MIN_SIZE_RATIO = 4
"""New code is foreign if it shares no line with the old code of at least this many lines, is this
many times shorter, and shares hardly a word with it."""

MAX_TAKEN_SHARE = 0.5
"""An instruction that removes something hardly means more than this share of the lines."""

NAME_IN_CODE = re.compile(r"(?<![\w.$>])[^\W\d]\w*")
"""A name in the code of a text that is not an attribute."""

BOUND_NAMES = re.compile(
    r"\bfor\s+[\w, ()]{1,200}\s(in|of)\b|\bas\s+\w+|[(,]\s*\w+\s*[:,)]|\b\w++\s*+=[^=]"
)
"""Names that a loop, a parameter or a value binds."""


def find_loss(text: str, original: str, task: Task) -> str:
    """Describe what an answer has in place of the code it replaces; empty if it is fine."""
    lines = stripped_lines(original)
    if lines and (omission := find_omission(text, original, task.language)):
        return f"the answer leaves code out, where it says {omission!r}"
    if not task.replaces_code:
        return ""
    new_lines = stripped_lines(text)
    if REFUSAL.match(new_lines[0]) and not REFUSAL.match(original.lstrip()):
        return f"the answer is not code: it begins with {new_lines[0]!r}"
    if is_foreign(lines, new_lines):
        return f"the answer keeps none of the {len(lines)} lines that it would replace"
    if isinstance(task, EditTask):
        return find_lost_code(text, original, task.language, task.instruction)
    return ""


def is_foreign(lines: Sequence[str], new_lines: Sequence[str]) -> bool:
    """Whether new code is far too short for what it replaces, and has nothing of it."""
    if not is_far_shorter(lines, new_lines):
        return False
    words, new_words = (find_words("\n".join(each)) for each in (lines, new_lines))
    return len(words & new_words) < MIN_COMMON_SHARE * len(new_words)


def is_far_shorter(lines: Sequence[str], new_lines: Sequence[str]) -> bool:
    """Whether new text is far shorter than what it replaces, and has no line of it."""
    is_short = MIN_COMPARED_LINES <= len(lines) >= MIN_SIZE_RATIO * len(new_lines)
    return is_short and not set(lines).intersection(new_lines)


def find_lost_code(text: str, original: str, language: Language, instruction: str) -> str:
    """Describe what is lost of code that was to be rewritten; empty if nothing is."""
    scope = InstructionScope.read(instruction)
    if language.name in PROSE_LANGUAGES and not (scope.is_shortening or scope.changes_much):
        lines, new_lines = stripped_lines(original), stripped_lines(text)
        if is_far_shorter(lines, new_lines):
            return f"the answer keeps none of the {len(lines)} lines that it would replace"
    compared = Comparison(original, text, language)
    names = [
        name
        for name in find_lost_names(compared, language.name, writes_anew=scope.writes_anew)
        if not (scope.changes_much and is_named(name.text, instruction))
        and not (scope.writes_anew and name.is_constructor)
    ]
    replaces_key = language.name in KEY_PATTERNS and scope.writes_anew and not scope.takes_away
    if len(names) > max(scope.nameless_definitions, int(replaces_key)):
        return f"the answer lacks {describe_name(names[0], compared, language.name)}"
    if not scope.changes_much:
        if name := find_emptied_function(compared, language.name):
            return f"the answer lacks the code of {name!r}"
        if line := find_lost_import(compared, text, language):
            return f"the answer lacks {line!r}, which it needs"
    return describe_losses(find_lost_lines(compared, scope))


def find_lost_lines(compared: Comparison, scope: InstructionScope) -> Sequence[Loss]:
    """Lines that are gone and that the instruction does not allow to go."""
    losses = compared.find_losses()
    if not scope.is_shortening:
        return losses
    gone = [Loss(gap.gone) for gap in compared.open_gaps]
    if sum(len(loss.lines) for loss in gone) <= MAX_TAKEN_SHARE * len(compared.old):
        return []
    return losses or gone


def describe_losses(losses: Sequence[Loss]) -> str:
    """Describe lines that are lost; empty if there are none."""
    if comment := next((loss.comment for loss in losses if loss.comment), ""):
        return f"the answer leaves code out, where it says {comment!r}"
    if not losses:
        return ""
    count = sum(len(loss.lines) for loss in losses)
    return f"the answer lacks {count} lines of the code, such as {losses[0].lines[0].text!r}"


def find_lost_import(compared: Comparison, text: str, language: Language) -> str:
    """The first import that is gone although the new code uses its name and does not bring it."""
    body = "\n".join(line for line in text.split("\n") if not IMPORT.match(line))
    code = "".join(piece for kind, piece in read_pieces(body, language) if kind == "code")
    used = {match[0] for match in NAME_IN_CODE.finditer(code)} - find_brought_names(text)
    used -= {name for match in BOUND_NAMES.finditer(code) for name in find_words(match[0])}
    lines = (line for gap in compared.open_gaps if not gap.put for line in gap.gone)
    return next((line.text for line in lines if used & find_imported_names(line.text)), "")
