"""Other files that a model reads along: asked for with `-I`, or chosen from the project."""

from collections.abc import Mapping
from dataclasses import dataclass

from starcoder_cli.app.request import MOST_SECONDS, Wish
from starcoder_cli.catalog import ModelSpec
from starcoder_cli.context.reading_speed import GUESS, remember, tokens_per_second
from starcoder_cli.context.snippets import Price, Priced, Snippet, cut, documents, whole, within
from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Hole, Place, Source, names_of, readable
from starcoder_cli.languages import Language
from starcoder_cli.model import Model
from starcoder_cli.prompts.fim import Document, FimFormat
from starcoder_cli.prompts.window import CHARACTERS_PER_TOKEN
from starcoder_cli.stream import Completion
from starcoder_cli.terminal.output import Messages

LOOK_SECONDS = 0.5
"""How long choosing files may take, or a quarter of the time to read them, if that is more."""


@dataclass(frozen=True)
class Space:
    """Tokens: what the text and the answer take at most, and what the answer takes of that."""

    needed: int
    answer: int


@dataclass(frozen=True)
class Reading:
    """What is read along, the best first, each with what it costs; `language` is the hole's."""

    language: Language | None = None
    chosen: tuple[Priced, ...] = ()

    @property
    def tokens(self) -> int:
        """What all of it costs."""
        return sum(priced.tokens for priced in self.chosen)

    @property
    def files(self) -> tuple[Document, ...]:
        """It as files, as a prompt has them."""
        return documents(priced.snippet for priced in self.chosen)

    def record(self) -> list[Mapping[str, object]]:
        """It for a JSON object."""
        return [
            {
                "path": priced.snippet.path,
                "lines": [priced.snippet.first, priced.snippet.last],
                "tokens": priced.tokens,
            }
            for priced in self.chosen
        ]


NOTHING = Reading()


@dataclass(frozen=True)
class Shelf:
    """What could be read along, the best first: all that was asked for, and of what was found so
    many tokens as there is time for.
    """

    language: Language
    asked: tuple[Snippet, ...] = ()
    found: tuple[Snippet, ...] = ()
    budget: int = 0
    rate: float = GUESS

    @property
    def room(self) -> int:
        """A number of tokens that is surely large enough."""
        price = Price(lambda text: len(text.encode()), self.language)
        return sum(map(price.of, self.asked)) + min(self.budget, sum(map(price.of, self.found)))

    def read(
        self, model: Model, hole: Hole, space: Space, form: FimFormat | None, strict: bool = False
    ) -> Reading:
        """What of it there is room for; what was found makes way for the hole.

        It is read as the form spells several files, or else as comments, which cost more.

        Raises DataError where something asked for has to be cut although that is not wanted.
        """
        if not self.asked and not self.found:
            return NOTHING
        price = Price(model.count, None if form and form.together else self.language)
        free = model.window - space.answer
        if space.needed + self.room <= model.window:
            asked, left = cut(self.asked, free, price), self.budget
        else:
            asked = cut(self.asked, max(0, free // 2), price)
            left = free - sum(priced.tokens for priced in asked) - cost(hole, free, model)
            left = min(self.budget, left, model.window // 4)
        if strict and any(self.lost(asked)):
            raise DataError(
                f"{self.lost(asked)[0]} does not fit the model's window",
                "name fewer lines of it, or leave --strict-context away",
            )
        kept = tuple(priced for priced in asked if priced.snippet.text)
        return Reading(self.language, (*kept, *within(self.found, left, price)))

    def lost(self, asked: tuple[Priced, ...]) -> list[str]:
        """The files that were asked for and are not whole."""
        pairs = zip(self.asked, asked, strict=True)
        return [whole.path for whole, part in pairs if whole.text != part.snippet.text]

    def explain(self, reading: Reading, messages: Messages) -> None:
        """Say what is read along, and what of it there was no room for."""
        read = {priced.snippet for priced in reading.chosen}
        for snippet in self.asked:
            if snippet.text and snippet not in read:
                messages.note(f"there is no room for all of {snippet.path}: its end is left out")
        for priced in reading.chosen:
            snippet = priced.snippet
            messages.detail(f"context: {snippet.path}:{snippet.lines}, {priced.tokens} tokens")
        if self.asked or self.found:
            messages.detail(
                f"context: {reading.tokens} tokens, about {reading.tokens / self.rate:.1f} s to "
                f"read at {self.rate:.0f} tokens a second"
            )

    def learn(self, spec: ModelSpec, completion: Completion) -> None:
        """Remember how long the model took to read, where other files may have been a part."""
        cached = completion.cached_tokens
        read = (self.asked or self.budget) and spec.engine != "echo"
        if read and cached is not None:
            remember(spec.seat, completion.prompt_tokens - cached, completion.first_token_seconds)


def shelve(
    source: Source, hole: Hole, language: Language, spec: ModelSpec, wish: Wish, messages: Messages
) -> Shelf:
    """Everything that could be read along with a source."""
    seconds = wish.for_model(spec)
    asked = tuple(included(name, source, messages) for name in wish.include)
    rate = tokens_per_second(spec.seat) if seconds or asked else GUESS
    if not seconds:
        return Shelf(language, asked, rate=rate)
    budget = min(int(seconds * rate), spec.window // 4 if spec.window else MOST_SECONDS * 100)
    from starcoder_cli.context.gather import gather
    from starcoder_cli.context.project import Project

    path = source.name if source.name != STANDARD_INPUT else wish.filename or STANDARD_INPUT
    project = Project.around(path, max(LOOK_SECONDS, seconds / 4))
    found = gather(project, hole, language)
    for path, why in project.left_out.items():
        messages.detail(f"context: left out {path}: {why}")
    chosen = tuple(each for each in found if not any(each.meets(other) for other in asked))
    return Shelf(language, asked, chosen, budget, rate)


def included(name: str, source: Source, messages: Messages) -> Snippet:
    """A file, or some lines of it, that the user named.

    Raises what reading a source raises, and UsageError for standard input a second time.
    """
    place = Place.parse(name)
    if place.path == source.name == STANDARD_INPUT:
        raise UsageError("standard input is read only once", "write one of the two to a file")
    from starcoder_cli.context.secrets import secret_name, secret_text

    other = Source.read(place.path)
    path = names_of(other.name).filename or other.title
    if secret_name(path) or secret_text(other.raw):
        messages.note(f"{path} looks as if it held a secret; the model reads it, as -I says")
    if place.start is None:
        return whole(path, readable(other.raw))
    span = other.range(place)
    text = readable(other.raw[span.start : span.end])
    return Snippet(path, text, place.start.line, (place.end or place.start).line)


def cost(hole: Hole, most: int, model: Model) -> int:
    """How many tokens a hole has; `most` where it has surely more."""
    if len(hole.prefix) + len(hole.suffix) > most * CHARACTERS_PER_TOKEN:
        return most
    return model.count(hole.prefix) + model.count(hole.suffix)
