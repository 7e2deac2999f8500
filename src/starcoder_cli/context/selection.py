"""Other files that a model reads too: requested with `-I`, or chosen from the project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.context.reading_speed import (
    DEFAULT_TOKENS_PER_SECOND,
    record_reading,
    tokens_per_second,
)
from starcoder_cli.context.snippets import (
    ContextSnippet,
    CountedSnippet,
    SnippetTokenCounter,
    group_by_file,
    select_within_budget,
    snippet_of_file,
    truncate_snippets,
)
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.links import note_file_read
from starcoder_cli.files.notebook_text import read_text
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, find_file_metadata, to_model_text
from starcoder_cli.languages import Language
from starcoder_cli.model import Hole, Model
from starcoder_cli.prompts.fim import Document, FimFormat
from starcoder_cli.prompts.window import MAX_CHARACTERS_PER_TOKEN
from starcoder_cli.stream import Completion
from starcoder_cli.system.counting import counted
from starcoder_cli.terminal.output import Messages

CONTEXT_SECONDS = 2.0
MAX_CONTEXT_SECONDS = 3600
SEARCH_SECONDS = 0.5
"""Seconds that choosing files may take, or a quarter of their reading time if that is more."""


@dataclass(frozen=True)
class ContextOptions:
    """The user's context options: files, and seconds for further files, None for the default.

    `filename` is the name of standard input, which places it in a project.

    Raises UsageError for meaningless seconds.
    """

    include: tuple[str, ...] = ()
    seconds: float | None = None
    filename: str | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0 <= self.seconds <= MAX_CONTEXT_SECONDS:
            raise UsageError(
                f"--context cannot be {self.seconds:g}",
                f"give seconds from 0 to {MAX_CONTEXT_SECONDS}",
            )

    def seconds_for(self, spec: ModelSpec) -> float:
        """How many seconds a model may spend on other files."""
        if self.seconds is None:
            return CONTEXT_SECONDS if spec.wants_project_context else 0.0
        return self.seconds


@dataclass(frozen=True)
class TokenNeeds:
    """Token needs: the maximum for text and answer together, and the answer's part of it."""

    total: int
    answer: int


@dataclass(frozen=True)
class SelectedContext:
    """The selected snippets, best first, with their costs; `language` is the hole's.

    It is `truncated` if a requested file is not complete.
    """

    language: Language | None = None
    chosen: tuple[CountedSnippet, ...] = ()
    truncated: bool = False

    @property
    def tokens(self) -> int:
        """The total cost."""
        return sum(priced.tokens for priced in self.chosen)

    @property
    def documents(self) -> tuple[Document, ...]:
        """The snippets as documents for a prompt."""
        return group_by_file(priced.snippet for priced in self.chosen) if self.chosen else ()

    def record(self) -> list[Mapping[str, object]]:
        """The snippets for a JSON object."""
        return [
            {
                "path": priced.snippet.path,
                "lines": [priced.snippet.first_line, priced.snippet.last_line],
                "tokens": priced.tokens,
            }
            for priced in self.chosen
        ]


NOTHING_SELECTED = SelectedContext()


@dataclass(frozen=True)
class ContextPool:
    """Context candidates, best first: all that was `requested`, and as much of what was
    `discovered` as there is time for.

    `references` are the files that these come from, if available.
    """

    language: Language | None = None
    requested: tuple[ContextSnippet, ...] = ()
    discovered: tuple[ContextSnippet, ...] = ()
    budget: int = 0
    rate: float = DEFAULT_TOKENS_PER_SECOND
    references: tuple[str, ...] = ()

    @classmethod
    def of_documents(cls, documents: Sequence[Document], language: Language) -> "ContextPool":
        """Use files sent by a client, most important last."""
        snippets = (
            ContextSnippet(each.path, each.text, number, number)
            for number, each in enumerate(documents, 1)
        )
        return cls(language, tuple(snippets)[::-1])

    @property
    def max_tokens(self) -> int:
        """An upper bound on the tokens."""
        price = SnippetTokenCounter(lambda text: len(text.encode()), self.language)
        found = min(self.budget, sum(map(price.count_snippet, self.discovered)))
        return sum(map(price.count_snippet, self.requested)) + found

    def select(
        self,
        model: Model,
        hole: Hole,
        needs: TokenNeeds,
        form: FimFormat | None,
        strict: bool = False,
    ) -> SelectedContext:
        """Select what fits; discovered files make way for the hole.

        Files are formatted as the model's format spells them, or else as comments, which cost more.

        Raises DataError if a requested file would have to be cut, but `strict` forbids it.
        """
        if not self.requested and not self.discovered:
            return NOTHING_SELECTED
        price = SnippetTokenCounter(
            model.count, None if form and form.multi_file else self.language
        )
        free = model.window - needs.answer
        if needs.total + self.max_tokens <= model.window:
            requested, left = truncate_snippets(self.requested, free, price), self.budget
        else:
            requested = truncate_snippets(self.requested, max(0, free // 2), price)
            left = free - sum(priced.tokens for priced in requested)
            left = min(self.budget, left - hole_tokens(hole, free, model), model.window // 4)
        truncated = self._truncated(requested)
        if strict and truncated:
            raise DataError(
                f"{truncated[0]} does not fit the model's window",
                "name fewer lines of it, or omit --strict-context",
            )
        kept = tuple(priced for priced in requested if priced.snippet.text)
        chosen = (*kept, *select_within_budget(self.discovered, left, price))
        return SelectedContext(self.language, chosen, bool(truncated))

    def _truncated(self, requested: tuple[CountedSnippet, ...]) -> list[str]:
        """The requested files that are not complete."""
        pairs = zip(self.requested, requested, strict=True)
        return [whole.path for whole, part in pairs if whole.text != part.snippet.text]

    def explain(self, selected: SelectedContext, messages: Messages) -> None:
        """Report what is included, and what there was no room for."""
        chosen = {priced.snippet for priced in selected.chosen}
        for snippet in self.requested:
            if snippet.text and snippet not in chosen:
                messages.note(f"there is no room for all of {snippet.path}: its end is left out")
        for priced in selected.chosen:
            snippet = priced.snippet
            messages.detail(
                f"context: {snippet.path}:{snippet.line_range}, {counted(priced.tokens, 'token')}"
            )
        if self.requested or self.discovered:
            messages.detail(
                f"context: {selected.tokens} tokens, about {selected.tokens / self.rate:.1f} s to "
                f"read at {self.rate:.0f} tokens a second"
            )

    def learn(self, spec: ModelSpec, completion: Completion) -> None:
        """Record how long the model took to read, if other files could be involved."""
        cached = completion.cached_tokens
        measurable = (self.requested or self.budget) and spec.engine != "echo"
        if measurable and cached is not None:
            record_reading(
                spec.speed_key, completion.prompt_tokens - cached, completion.first_token_seconds
            )


NO_CANDIDATES = ContextPool()


def collect_context(
    source: Source,
    hole: Hole,
    language: Language,
    spec: ModelSpec,
    options: ContextOptions,
    messages: Messages,
) -> ContextPool:
    """Collect everything that could be included with a source."""
    seconds = options.seconds_for(spec)
    requested = tuple(read_included_file(name, source, messages) for name in options.include)
    rate = tokens_per_second(spec.speed_key) if seconds or requested else DEFAULT_TOKENS_PER_SECOND
    if not seconds:
        return ContextPool(language, requested, rate=rate)
    budget = min(int(seconds * rate), spec.window // 4 or MAX_CONTEXT_SECONDS * 100)
    from starcoder_cli.context.gather import gather_snippets, read_references
    from starcoder_cli.context.project import ProjectFiles

    path = source.name if source.name != STANDARD_INPUT else options.filename or STANDARD_INPUT
    project = ProjectFiles.for_file(path, max(SEARCH_SECONDS, seconds / 4))
    found = gather_snippets(project, hole, language)
    for path, why in project.exclusion_reasons.items():
        messages.detail(f"context: left out {path}: {why}")
    discovered = tuple(each for each in found if not any(map(each.overlaps, requested)))
    references = read_references(project, found)
    return ContextPool(language, requested, discovered, budget, rate, references)


def read_included_file(name: str, source: Source, messages: Messages) -> ContextSnippet:
    """Read a file, or some of its lines, that the user named.

    Raises what reading a source raises, and UsageError if standard input would be read twice.
    """
    if name.partition(":")[0] == source.name == STANDARD_INPUT:
        raise UsageError("standard input is read only once", "write one of the two to a file")
    from starcoder_cli.files.secrets import may_hold_secret

    other, place = read_text(name)
    note_file_read(other.name, messages.note)
    path = find_file_metadata(other.code_name(None)).filename or other.display_name
    if may_hold_secret(path, other.raw):
        messages.note(f"{path} looks as if it held a secret; the model reads it, as -I says")
    if place.start is None:
        return snippet_of_file(path, to_model_text(other.raw))
    span = other.span_of(place)
    text = to_model_text(other.raw[span.start : span.end])
    return ContextSnippet(path, text, place.start.line, (place.end or place.start).line)


def hole_tokens(hole: Hole, most: int, model: Model) -> int:
    """Count a hole's tokens, or return `most` if it certainly has more."""
    if len(hole.prefix) + len(hole.suffix) > most * MAX_CHARACTERS_PER_TOKEN:
        return most
    return model.count(hole.prefix) + model.count(hole.suffix)
