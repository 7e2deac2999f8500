"""Several answers for one place, and the choice among them: by rank, by a command, by a person."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from starcoder_cli.app.deliver import Look
from starcoder_cli.app.request import Several
from starcoder_cli.candidates import syntax
from starcoder_cli.candidates.flaws import flaws
from starcoder_cli.candidates.ranking import Candidate, distinct, draws, ranked
from starcoder_cli.errors import NegativeError, UsageError
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, Span
from starcoder_cli.languages import Language
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Chunk, Completion, Stream, join
from starcoder_cli.terminal.output import wants_color

if TYPE_CHECKING:
    from starcoder_cli.candidates.verify import Command

TRIES = 2
"""How many answers are made at most for each that is wanted, where some say the same or break."""


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
            from starcoder_cli.app.pick import need_terminal

            need_terminal()
        if several.verify is not None:
            self._command = command(several.verify, source, several.seconds)

    def ask(self, stream: Callable[[Sampling], Stream], sampling: Sampling) -> None:
        """Have answers made until enough of them are sound and differ, and rank the best."""
        wanted = self._several.n
        found: list[Candidate] = []
        try:
            for drawn in draws(sampling, wanted * TRIES):
                with closing(stream(drawn)) as chunks:
                    found.append(self._judged(Candidate(join(chunks), drawn)))
                sound = sum(map(self._sound, distinct(found)))
                self._look.messages.status(f"{sound} of {wanted} candidates are made …")
                if sound >= wanted:
                    break
        finally:
            self._look.messages.status("")
        self._seconds = sum(candidate.completion.seconds for candidate in found)
        self._candidates = ranked(found)[:wanted]

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

    def _judged(self, candidate: Candidate) -> Candidate:
        """The candidate with what is wrong with the file that it would leave."""
        whole = self._source.splice(self._span, candidate.text)
        count, anyway = syntax.errors(whole, self._language.name), self._anyway[0]
        errors = None if count is None or anyway is None else count - anyway
        return replace(candidate, errors=errors, flaws=flaws(whole, self._language.name))

    def _sound(self, candidate: Candidate) -> bool:
        """Whether an answer says something, and makes nothing wrong that is not so without it."""
        more = Counter(candidate.flaws) - Counter(self._anyway[1])
        return bool(candidate.text.strip()) and candidate.parses is not False and not more

    @cached_property
    def _anyway(self) -> tuple[int | None, tuple[str, ...]]:
        """What is wrong with the file without an answer."""
        without = self._source.splice(self._span, "")
        language = self._language.name
        return syntax.errors(without, language), flaws(without, language)

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
        from starcoder_cli.app.pick import pick
        from starcoder_cli.terminal.code import Painter

        color = wants_color(self._look.color, sys.stderr)
        before = self._source.raw[: self._span.start]
        return pick(self._candidates, Painter(self._language.lexer, color), before)


def command(line: str, source: Source, seconds: float) -> "Command":
    """The command that tries answers for a source; UsageError where that is no file."""
    from starcoder_cli.candidates.verify import Command, split
    from starcoder_cli.files.worktree import Tree

    words = split(line)
    if source.name == STANDARD_INPUT:
        raise UsageError("--verify needs a file to write answers to", "name it in place of -")
    return Command(words, Tree.around(source.name), seconds)


def replayed(completion: Completion) -> Stream:
    """A whole answer as a stream."""
    yield Chunk(completion.text, completion.tokens, completion.reason, completion.prompt_tokens)
