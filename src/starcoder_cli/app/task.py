"""What is asked about a range of a source, and one run of it: checked, answered, described.

Commands, batches and the Python API go through it, each with its own way of showing the answer.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Protocol

from starcoder_cli.app.answer_record import Answer
from starcoder_cli.app.attribution import AnswerNotices
from starcoder_cli.app.candidates import CandidateChooser
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.request import Request
from starcoder_cli.context.selection import collect_context
from starcoder_cli.errors import NegativeError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.infill import Infill, PreparedPrompt, language_of, metadata_for
from starcoder_cli.languages import Language
from starcoder_cli.model import Model, Sampling
from starcoder_cli.stream import Completion, Stream, collect
from starcoder_cli.terminal.output import Messages


class Task(Protocol):
    """What is asked of a model about a range of a source, once it is open."""

    @property
    def language(self) -> Language:
        """What the answer is written in."""

    @property
    def replaces_code(self) -> bool:
        """Whether a truncated answer would lose code."""

    @property
    def window(self) -> int:
        """A number of tokens that is certainly enough for the prompt and the answer."""

    def prompt(self, model: Model, messages: Messages) -> PreparedPrompt:
        """What the model is asked, and which other files are part of it."""

    def stream(self, model: Model, prompt: PreparedPrompt, sampling: Sampling) -> Stream:
        """Stream the answer that replaces the range."""

    def learn(self, completion: Completion, engine: str) -> None:
        """Remember what the answer reveals for the next one."""


def fill_task(source: Source, span: Span, request: Request, messages: Messages) -> Infill:
    """The task for a range of a source, with the files that could be included."""
    infill = Infill(
        source,
        span,
        request.spec,
        language_of(source, request.lang, request.filename),
        metadata_for(source, request.filename),
        request.sampling.max_tokens,
        request.infill,
    )
    context = collect_context(
        source, infill.hole, infill.language, infill.spec, request.context, messages
    )
    if not source.raw.strip():
        messages.note(f"{source.display_name} has no text: the answer is made up")
    return infill.with_context(context)


def unchanged(chunks: Stream) -> Stream:
    """Return the stream as it is."""
    return chunks


class TaskRun:
    """A range of a source, and the answer for it.

    Raises, before a model is loaded, UsageError, InputError or DataError if the answer could not
    be chosen, disclosed or looked up.
    """

    def __init__(self, source: Source, span: Span, request: Request, output: OutputOptions) -> None:
        language = language_of(source, request.lang, request.filename)
        self._notices: AnswerNotices | None = None
        self._selection: CandidateChooser | None = None
        if request.notices.any:
            self._notices = AnswerNotices.of(request.notices, source, span, language)
        if request.candidates.needs_selection:
            self._selection = CandidateChooser(request.candidates, source, span, language, output)
        self._completion: Completion | None = None
        self._prompt: PreparedPrompt | None = None

    @property
    def selects(self) -> bool:
        """Whether the answer is chosen among several, and so cannot be shown as it arrives."""
        return self._selection is not None

    def generate(
        self,
        model: Model,
        task: Task,
        prompt: PreparedPrompt,
        request: Request,
        show: Callable[[Stream], Completion] = collect,
        through: Callable[[Stream], Stream] = unchanged,
    ) -> None:
        """Generate the answer, or all those it is chosen from, each stream `through` a transform.

        An answer that is not chosen among several is shown by `show`.
        """
        self._prompt = prompt
        ask: Callable[[Sampling], Stream] = partial(task.stream, model, prompt)
        if self._notices is not None:
            self._notices = self._notices.for_model(request.spec)
            ask = self._notices.wrap(ask)
        if self._selection is not None:
            self._selection.generate(lambda drawn: through(ask(drawn)), request.sampling)
            return
        with closing(through(ask(request.sampling))) as chunks:
            self._completion = show(chunks)

    def choose(self) -> Completion:
        """The answer, chosen by rank, by a command or by a person if there are several."""
        if self._completion is None:
            assert self._selection is not None, "an answer is generated before it is chosen"
            self._completion = self._selection.choose()
        return self._completion

    def answer(self, request: Request, engine: str, load_seconds: float = 0.0) -> Answer:
        """What is known about the answer, except what is reported about its origin."""
        completion = self.choose()
        answer = Answer.of(completion, request.spec, engine, request, load_seconds)
        context = self._prompt.context.record() if self._prompt else []
        if self._selection is not None:
            answer = self._selection.with_candidates(answer)
        return replace(answer, trimmed=completion.trimmed, context=context)

    @property
    def failure(self) -> NegativeError | None:
        """The error if the command that chooses passes no candidate, or None if one passes."""
        if self._selection is None or self._selection.passed:
            return None
        return self._selection.failure()

    def with_notices(self, answer: Answer, messages: Messages) -> Answer:
        """Add what is reported about the answer's origin; users get it as notes."""
        if self._notices is None:
            return answer
        return replace(answer, notices=self._notices.record(answer.text, messages))
