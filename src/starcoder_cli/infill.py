"""Turn a hole in some code into the text that belongs there; the only place that does so.

A hole and its surroundings become a prompt that fits the model's window; the answer streams through
the clean-up that ends it. Commands, batches, the evaluation, the Python API and the HTTP API all
call it.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial

from starcoder_cli import languages
from starcoder_cli.benchmark.measure import measure_reading_rate
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.context.reading_limit import (
    ReadingLimit,
    adjust_prompt_limit,
)
from starcoder_cli.context.selection import (
    NO_CANDIDATES,
    NOTHING_SELECTED,
    ContextPool,
    SelectedContext,
    TokenNeeds,
    hole_tokens,
)
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.source import (
    FileMetadata,
    Source,
    Span,
    find_file_metadata,
    to_model_text,
)
from starcoder_cli.languages import Language
from starcoder_cli.model import Hole, Model, Prompt, Question, Sampling
from starcoder_cli.postprocess.answer_marks import drop_answer_marks
from starcoder_cli.postprocess.indentation import missing_beginning
from starcoder_cli.postprocess.reasoning import split_reasoning_in
from starcoder_cli.postprocess.reasoning_marks import is_reasoning_model
from starcoder_cli.postprocess.trim import (
    choose_line_mode,
    is_prose,
    trim_answer,
    trim_with_retry,
)
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.prompts.build import (
    PROMPT_OVERHEAD_TOKENS,
    PromptContext,
    build_fim_prompt,
    fim_format,
    truncate_to_window,
    window_for,
)
from starcoder_cli.prompts.edit import replace_final_newlines
from starcoder_cli.prompts.fim import as_solution_file
from starcoder_cli.prompts.window import left_out
from starcoder_cli.settings import FimOrder, LineMode
from starcoder_cli.stream import (
    Completion,
    Stream,
    convert_newlines,
    prepend,
    until_deadline,
    until_stop,
    with_beginning,
)
from starcoder_cli.terminal.output import Messages


@dataclass(frozen=True)
class InfillOptions:
    """How to ask for a hole, and how much of the answer to keep.

    `fim` asks for a gap even if the suffix is empty. `prompted` makes the text start like the file
    of a solution. `raw` leaves the answer as the model wrote it, `once` accepts the first answer
    even if it is empty. After `seconds` of writing it may end at a line. `live` means that it is
    shown as it is made. At most `prompt_tokens` of the text are read; if unset, what
    `reading_limit` allows.

    Raises UsageError for an empty stop text, and if no tokens are to be read.
    """

    fim: bool = False
    stop: tuple[str, ...] = ()
    order: FimOrder = "psm"
    lines: LineMode = "auto"
    raw: bool = False
    strict_context: bool = False
    prompted: bool = False
    once: bool = False
    seconds: float | None = None
    live: bool = False
    prompt_tokens: int | None = None
    reading_limit: ReadingLimit | None = None

    def __post_init__(self) -> None:
        if "" in self.stop:
            raise UsageError("an empty --stop would end every answer at once", "omit it")
        if self.prompt_tokens is not None and self.prompt_tokens < 1:
            raise UsageError(
                f"--max-prompt-tokens cannot be {self.prompt_tokens}", "give a number of tokens"
            )


@dataclass(frozen=True)
class PreparedPrompt:
    """A model's question, and the texts that end the answer.

    `context` are the files that are part of it; `truncated` means that some text was left out.
    """

    question: Question
    stop: tuple[str, ...] = ()
    context: SelectedContext = NOTHING_SELECTED
    truncated: bool = False

    def beginning_with(self, text: str) -> Question | None:
        """The question with a forced beginning of its answer, or None if that is impossible."""
        if not isinstance(self.question, Prompt) or self.question.forced_prefix:
            return None
        return replace(self.question, forced_prefix=text)


@dataclass(frozen=True)
class Infill:
    """A hole in a source, and everything that determines what a model is asked about it.

    The answer has at most `max_tokens`. Every answer starts with `lead`, the white space at the
    start of the range.
    """

    source: Source
    span: Span
    spec: ModelSpec
    language: Language
    metadata: FileMetadata
    max_tokens: int
    options: InfillOptions = InfillOptions()
    context: ContextPool = NO_CANDIDATES

    def with_context(self, context: ContextPool) -> "Infill":
        """The same hole with files that could be included."""
        return replace(self, context=context)

    @cached_property
    def lead(self) -> str:
        """The indentation at the start of the range."""
        return self.source.indentation_of(self.span)

    @cached_property
    def hole(self) -> Hole:
        """The text around the range, as the model would read it if all of it fits."""
        hole = self.source.hole_at(Span(self.span.start + len(self.lead), self.span.end))
        return as_solution_file(hole, self.language)[0] if self.options.prompted else hole

    @property
    def replaces_code(self) -> bool:
        """Whether a cut-off answer would lose code: no, as the text in a hole goes anyway."""
        return False

    @property
    def window(self) -> int:
        """An upper bound on the tokens of prompt and answer."""
        return window_for(self.hole, self.max_tokens) + self.context.max_tokens

    def prompt(self, model: Model, messages: Messages) -> PreparedPrompt:
        """Build the prompt: a gap, or a beginning if there is no suffix.

        Notes say what was left out, and whether the model cannot fill gaps. Raises DataError if
        text would be left out against the user's wish, UsageError if the answer alone is too long.
        """
        spec, options, hole = self.spec, self.options, self.hole
        form, spells = fim_format(model, spec), Hole in model.spells
        needs = TokenNeeds(
            window_for(hole, self.max_tokens), self.max_tokens + PROMPT_OVERHEAD_TOKENS
        )
        selected = self.context.select(model, hole, needs, form, options.strict_context)
        self.context.explain(selected, messages)
        gap = options.fim or bool(hole.suffix.strip())
        fills = gap and bool(form or spells)
        hole = hole if fills else Hole(hole.prefix)
        kept = self._truncate(model, hole, selected.tokens, messages)
        if gap and not fills:
            messages.note(
                f"{spec.name} was not trained to fill gaps: it continues what comes before, "
                "and does not read what comes after"
            )
        names = as_solution_file(hole, self.language)[1] if options.prompted else self.metadata
        tells_names = spec.wants_file_metadata or options.prompted
        around = PromptContext(names, tells_names, selected.documents, selected.language)
        question: Question
        if fills and spells:
            question = around.prepend_documents(kept)
        else:
            prompt = build_fim_prompt(form, kept, around, options.order if gap else None)
            question = replace(prompt, references=self.context.references)
        truncated = kept != hole or selected.truncated
        return PreparedPrompt(question, options.stop, selected, truncated)

    def _truncate(self, model: Model, hole: Hole, context_tokens: int, messages: Messages) -> Hole:
        """Cut the hole to fit the window beside its context; a note says what was left out."""
        most = self._most_tokens(model, hole)
        kept, budget = truncate_to_window(model, hole, self.max_tokens, context_tokens, most)
        if kept == hole:
            return hole
        ends = (hole.prefix, kept.prefix, "beginning"), (hole.suffix, kept.suffix, "end")
        lost = [
            f"{left_out(all_of, part)} at the {end}" for all_of, part, end in ends if all_of != part
        ]
        reason, way = "the model can read", ""
        if budget == most:
            limit = None if self.options.prompt_tokens else self.options.reading_limit
            reason = f"it reads in {limit}" if limit else "--max-prompt-tokens allows"
            way = limit.way if limit else ""
        what = f"the text is longer than the {budget} tokens that {reason}"
        if self.options.strict_context:
            raise DataError(what, "shorten it, or omit --strict-context")
        messages.note(f"{what}: left out {' and '.join(lost)}{way}")
        return kept

    def _most_tokens(self, model: Model, hole: Hole) -> int | None:
        """The maximum number of tokens of the text to read; None for as many as fit the window."""
        tokens, limit = self.options.prompt_tokens, self.options.reading_limit
        if tokens is not None or limit is None or self.spec.engine in ("echo", "endpoint"):
            return tokens
        if hole_tokens(hole, limit.min_tokens + 1, model) <= limit.min_tokens:
            return None
        measure = partial(measure_reading_rate, model)
        return limit.tokens(f"{self.spec.name} {model.engine}", measure)

    def stream(self, model: Model, prompt: PreparedPrompt, sampling: Sampling) -> Stream:
        """Stream the answer for the place, or exactly as the model writes it if requested."""
        options, spec = self.options, self.spec
        reasons = is_reasoning_model(spec.name, model.chat_template)

        def ask(each: Sampling, question: Question = prompt.question) -> Stream:
            chunks: Stream = model.stream(question, each)
            if not options.raw and (reasons or spec.engine == "endpoint"):
                chunks = split_reasoning_in(self.hole, chunks, reasons=reasons)
                chunks = drop_answer_marks(self.hole, chunks)
            chunks = until_stop(chunks, prompt.stop)
            return chunks if options.seconds is None else until_deadline(chunks, options.seconds)

        def ask_behind(begin: str, question: Question, each: Sampling) -> Stream:
            return prepend(begin, ask(each, question))

        def trim(chunks: Stream) -> Stream:
            return trim_answer(chunks, self.hole, self._trim_options)

        if spec.engine == "echo":
            chunks = ask(sampling)
        elif options.raw:
            chunks = with_beginning(self.lead, ask(sampling))
        elif options.once:
            chunks = prepend(self.lead, trim(ask(sampling)))
        else:
            begin = missing_beginning(self.hole, self.language)
            forced = prompt.beginning_with(begin)
            last = partial(ask_behind, begin, forced) if forced and begin else None
            chunks = prepend(self.lead, trim_with_retry(ask, sampling, trim, last))
        last_line = self.source.raw[self.span.start :]
        if last_line.strip() and self.span.end == len(self.source.raw) and not options.raw:
            chunks = replace_final_newlines(chunks, "")  # the last line of the file has no line end
        return convert_newlines(chunks, self.source.newline)

    @property
    def _trim_options(self) -> TrimOptions:
        span, lines = self.span, self.options.lines
        if lines == "auto":
            lines = choose_line_mode(self.hole, inside_line=self.source.is_inside_line(span))
        return TrimOptions(
            self.language,
            lines,
            replaced=to_model_text(self.source.raw[span.start + len(self.lead) : span.end]),
            is_prose=is_prose(self.language, self.metadata.filename),
            live=self.options.live,
            may_go_on=self.options.lines == "auto",
        )

    def learn(self, completion: Completion, engine: str) -> None:
        """Record how fast the model reads."""
        self.context.learn(self.spec, completion)
        if completion.cached_tokens is not None:
            read = completion.prompt_tokens - completion.cached_tokens
            adjust_prompt_limit(f"{self.spec.name} {engine}", read, completion.first_token_seconds)


def language_of(source: Source, lang: str | None, filename: str | None) -> Language:
    """The named language, or the one detected from the file's name or first line."""
    if lang:
        return languages.find_language(lang)
    name = source.code_name(filename)
    return languages.detect_language(name, source.raw[:200]) or languages.find_language("text")


def metadata_for(source: Source, filename: str | None) -> FileMetadata:
    """A source's name: given by the user, or from its place in a repository."""
    name = source.code_name(filename)
    return FileMetadata(name) if filename else find_file_metadata(name)
