"""What is wrong with an answer: it is cut off, leaves code out, or breaks the file."""

from dataclasses import dataclass

from starcoder_cli.app.losses import find_loss
from starcoder_cli.app.repeated_scope import find_repeated_head
from starcoder_cli.app.request import Request
from starcoder_cli.app.task import Task
from starcoder_cli.candidates.syntax import count_syntax_errors
from starcoder_cli.errors import DataError
from starcoder_cli.files.encoding import SURROGATE
from starcoder_cli.files.source import Source, Span, to_model_text
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.unfinished import UNFINISHED
from starcoder_cli.stream import Completion

MORE_TOKENS = "raise --max-tokens, or name a smaller range"
ASK_AGAIN = "ask again, or name a smaller range"
NAME_IT_TOO = "ask again, or name a range that includes it"
BLANK = "the answer is nothing but white space"

REPLACEMENT_CHARACTER = "\ufffd"
"""What a model reads for bytes that are not UTF-8, and what remains of a damaged answer's."""


@dataclass(frozen=True)
class Defect:
    """What is wrong with an answer, and the way out; `note` is for users who get it anyway.

    An answer that is `kept_out` is not written to any file.
    """

    problem: str
    hint: str
    note: str
    kept_out: bool

    @classmethod
    def that_keeps_out(cls, problem: str) -> "Defect":
        """A defect that keeps an answer out of files, with the problem itself as the note."""
        return cls(problem, ASK_AGAIN, problem, kept_out=True)

    @property
    def error(self) -> DataError:
        """The error that keeps the answer out of a file."""
        return DataError(self.problem, self.hint)


def find_defect(
    task: Task, source: Source, span: Span, completion: Completion, request: Request
) -> Defect | None:
    """The first defect of an answer.

    A hole accepts the complete part of a truncated answer, and an answer that breaks the file; a
    replacement for code must be complete, and code. An answer wanted verbatim is not judged,
    except for white space, damage, and half a replacement for code.
    """
    text, original = completion.text, source.raw[span.start : span.end]
    if text and not text.strip() and original.strip():
        return Defect.that_keeps_out(BLANK)
    if problem := find_damage(text, source.raw, request):
        return Defect.that_keeps_out(problem)
    if request.verbatim and not task.replaces_code:
        return None
    if REPLACEMENT_CHARACTER in text and SURROGATE.search(source.raw):
        return Defect.that_keeps_out("the answer has U+FFFD, for characters that are not UTF-8")
    if completion.reason == "length":
        is_whole = UNFINISHED in completion.trimmed and not task.replaces_code
        behind = " after its last whole statement" if is_whole else ""
        note = f"the answer was cut off{behind}: --max-tokens allows more"
        return Defect(
            "the answer was cut off before its end", MORE_TOKENS, note, kept_out=not is_whole
        )
    if request.verbatim or not text:
        return None
    if problem := find_loss(text, original, task):
        return Defect.that_keeps_out(problem)
    if task.replaces_code and (head := find_repeated_head(text, source, span, task.language)):
        problem = f"the answer repeats {head!r}, which is around the range"
        return Defect(problem, NAME_IT_TOO, problem, kept_out=True)
    if breaks_file(source, span, text, task.language):
        problem = f"a parser finds errors in {source.display_name} with the answer"
        note = "" if request.candidates.needs_selection else problem  # all candidates have it
        return Defect(problem, ASK_AGAIN, note, kept_out=task.replaces_code)
    return None


def find_damage(text: str, raw: str, request: Request) -> str:
    """How an endpoint's answer was damaged on its way; empty if it was not.

    A local model that knows little may itself write half a character.
    """
    is_new = REPLACEMENT_CHARACTER in text and REPLACEMENT_CHARACTER not in to_model_text(raw)
    if not is_new or not request.resolved_endpoint:
        return ""
    return "the answer has U+FFFD, for characters that broke on their way"


def defect_notes(
    task: Task, source: Source, span: Span, completion: Completion, request: Request
) -> tuple[str, ...]:
    """Notes on an answer's defect, unless its reason already says that it was cut off."""
    defect = find_defect(task, source, span, completion, request)
    return (defect.note,) if defect and defect.note and completion.reason != "length" else ()


def breaks_file(source: Source, span: Span, text: str, language: Language) -> bool:
    """Whether a parser finds errors in a file with an answer, but none in the original file."""
    if count_syntax_errors(source.raw, language.name) != 0:
        return False
    return bool(count_syntax_errors(source.splice(span, text), language.name))
