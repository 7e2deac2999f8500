"""What is wrong with a whole answer: half of it, code left out, a file that breaks with it."""

from dataclasses import dataclass

from starcoder_cli.app.request import Request
from starcoder_cli.app.task import Task
from starcoder_cli.candidates.syntax import count_syntax_errors
from starcoder_cli.errors import DataError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.omission import find_omission
from starcoder_cli.postprocess.unfinished import UNFINISHED
from starcoder_cli.stream import Completion

MORE_TOKENS = "raise --max-tokens, or name a smaller range"
ASK_AGAIN = "ask again, or name a smaller range"


@dataclass(frozen=True)
class Defect:
    """What is wrong with an answer, and the way out; `note` tells people who get it all the same.

    An answer that is `kept_out` goes into no file.
    """

    problem: str
    hint: str
    note: str
    kept_out: bool

    @property
    def error(self) -> DataError:
        """The error that keeps the answer out of a file."""
        return DataError(self.problem, self.hint)


def find_defect(
    task: Task, source: Source, span: Span, completion: Completion, request: Request
) -> Defect | None:
    """The first defect of an answer.

    A hole takes what is whole of an answer that was cut off, and what breaks the file; what takes
    the place of code has to be all of it, and code. What is wanted as the model wrote it is not
    judged, but for half of what takes the place of code.
    """
    if request.verbatim and not task.replaces_code:
        return None
    if completion.reason == "length":
        is_whole = UNFINISHED in completion.trimmed and not task.replaces_code
        behind = " behind its last whole statement" if is_whole else ""
        note = f"the answer was cut off{behind}: --max-tokens allows more"
        return Defect(
            "the answer was cut off before its end", MORE_TOKENS, note, kept_out=not is_whole
        )
    if request.verbatim or not completion.text:
        return None
    original = source.raw[span.start : span.end]
    if task.replaces_code and (omission := find_omission(completion.text, original, task.language)):
        problem = f"the answer leaves code out, where it says {omission!r}"
        return Defect(problem, ASK_AGAIN, problem, kept_out=True)
    if breaks_file(source, span, completion.text, task.language):
        problem = f"a parser finds errors in {source.display_name} with the answer"
        note = "" if request.candidates.needs_selection else problem  # all candidates have it
        return Defect(problem, ASK_AGAIN, note, kept_out=task.replaces_code)
    return None


def breaks_file(source: Source, span: Span, text: str, language: Language) -> bool:
    """Whether a parser finds errors in a file with an answer, and none in the file as it was."""
    if count_syntax_errors(source.raw, language.name) != 0:
        return False
    return bool(count_syntax_errors(source.splice(span, text), language.name))
