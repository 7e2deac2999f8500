"""Several answers for one place, and the choice among them: by rank, by a command, by a person."""

import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from starcoder_cli.candidates import Candidate, distinct, draws, ranked
from starcoder_cli.commands.request import Several
from starcoder_cli.commands.view import Look
from starcoder_cli.errors import NegativeError, UsageError
from starcoder_cli.input import STANDARD_INPUT
from starcoder_cli.languages import Language
from starcoder_cli.model import Sampling
from starcoder_cli.output import wants_color
from starcoder_cli.source import Source, Span
from starcoder_cli.stream import Chunk, Completion, Stream, join

if TYPE_CHECKING:
    from starcoder_cli.verify import Command


class Selection:
    """The choice among answers for a range of a source.

    Raises UsageError or DataError, before a model is loaded, where it could not be made.
    """

    def __init__(
        self, several: Several, source: Source, span: Span, language: Language, look: Look
    ) -> None:
        self._several = several
        self._source = source
        self._span = span
        self._language = language
        self._look = look
        self._candidates: list[Candidate] = []
        self._command: Command | None = None
        if several.pick:
            from starcoder_cli.commands.pick import need_terminal

            need_terminal()
        if several.verify is not None:
            self._command = command(several.verify, source, several.seconds)

    def ask(self, stream: Callable[[Sampling], Stream], sampling: Sampling) -> None:
        """Have the answers made, one after the other, and rank those that differ."""
        found = []
        try:
            for at, drawn in enumerate(draws(sampling, self._several.n), 1):
                with closing(stream(drawn)) as chunks:
                    found.append(Candidate(join(chunks), drawn))
                self._look.messages.status(f"{at} of {self._several.n} candidates are made …")
        finally:
            self._look.messages.status("")
        self._seconds = sum(candidate.completion.seconds for candidate in found)
        self._candidates = ranked(self._judged(distinct(found)))

    def choose(self) -> Completion:
        """The chosen answer, which is the first candidate from now on; all of them took its time.

        Where the command lets none pass, that is the one that ranks best.
        """
        if self._command:
            self._candidates = self._verified(self._command)
        elif self._several.pick and len(self._candidates) > 1:
            self._candidates.insert(0, self._candidates.pop(self._picked()))
        return replace(self._candidates[0].completion, seconds=self._seconds)

    @property
    def passed(self) -> bool:
        """Whether the chosen answer is one, and not just the best of those that fail."""
        return not self._candidates or self._candidates[0].verified is not False

    def record(self) -> Mapping[str, object]:
        """What JSON tells of the choice; nothing where there was none."""
        if not self._candidates:
            return {}
        records = [candidate.record() for candidate in self._candidates]
        return {"seed": self._candidates[0].sampling.seed, "candidates": records}

    def failure(self) -> NegativeError:
        """What to say where no candidate passes."""
        way = "ask for more with -n" if self._look.verbose else "-v shows what it says"
        return NegativeError(f"no candidate passes `{self._several.verify}`", way)

    def _judged(self, candidates: list[Candidate]) -> list[Candidate]:
        """The candidates with what a parser has against each, beyond what it has anyway."""
        anyway = self._errors("")
        if anyway is None:
            return candidates
        counts = [self._errors(candidate.text) for candidate in candidates]
        return [
            replace(candidate, errors=None if count is None else count - anyway)
            for candidate, count in zip(candidates, counts, strict=True)
        ]

    def _errors(self, text: str) -> int | None:
        from starcoder_cli import syntax

        return syntax.errors(self._source.splice(self._span, text), self._language.name)

    def _verified(self, command: "Command") -> list[Candidate]:
        """The first candidate that passes before the others; those that were tried say so."""
        messages, waiting = self._look.messages, self._candidates
        failed: list[Candidate] = []
        try:
            for at, candidate in enumerate(waiting, 1):
                messages.status(f"verifying candidate {at} of {len(waiting)} …")
                whole = self._source.splice(self._span, candidate.text)
                tell = self._tell if messages.verbose else None
                passes = command.passes(whole.encode("utf-8", "surrogateescape"), tell)
                tried = replace(candidate, verified=passes)
                if passes:
                    return [tried, *failed, *waiting[at:]]
                failed.append(tried)
        finally:
            messages.status("")
        return failed

    def _tell(self, line: str) -> None:
        """Say what the command says, in place of the status."""
        self._look.messages.status("")
        self._look.messages.detail(line)

    def _picked(self) -> int:
        """Which candidate the user takes."""
        from starcoder_cli.commands.pick import pick
        from starcoder_cli.terminal import Painter

        color = wants_color(self._look.color, sys.stderr)
        before = self._source.raw[: self._span.start]
        return pick(self._candidates, Painter(self._language.lexer, color), before)


def command(line: str, source: Source, seconds: float) -> "Command":
    """The command that tries answers for a source; UsageError where that is no file."""
    from starcoder_cli.tree import Tree
    from starcoder_cli.verify import Command, split

    words = split(line)
    if source.name == STANDARD_INPUT:
        raise UsageError("--verify needs a file to write answers to", "name it in place of -")
    return Command(words, Tree.around(source.name), seconds)


def replayed(completion: Completion) -> Stream:
    """A whole answer as a stream."""
    yield Chunk(completion.text, completion.tokens, completion.reason, completion.prompt_tokens)
