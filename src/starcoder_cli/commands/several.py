"""Several answers for one place, and the choice among them: by rank, by a command, by a person."""

import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from starcoder_cli import syntax
from starcoder_cli.candidates import MOST, Candidate, distinct, draws, ranked
from starcoder_cli.commands.view import Look
from starcoder_cli.errors import NegativeError, UsageError
from starcoder_cli.languages import Language
from starcoder_cli.model import Sampling
from starcoder_cli.output import wants_color
from starcoder_cli.source import STANDARD_INPUT, Source, Span
from starcoder_cli.stream import Chunk, Completion, Stream, join
from starcoder_cli.tree import Tree
from starcoder_cli.verify import SECONDS, Command, split

USUAL = 5


@dataclass(frozen=True)
class Several:
    """How many answers are asked for, and who chooses: a command, a person, or else the ranking.

    `seconds` is how long the command may take for one answer.
    """

    n: int = 1
    verify: str | None = None
    pick: bool = False
    seconds: float = SECONDS

    @classmethod
    def of(
        cls, candidates: int | None, command: str | None, pick: bool, timeout: float | None
    ) -> "Several":
        """What the flags ask for: some answers without a number where somebody is to choose.

        Raises UsageError for what has no meaning.
        """
        chosen = command is not None or pick
        n = candidates if candidates is not None else USUAL if chosen else 1
        if not 1 <= n <= MOST:
            raise UsageError(f"candidates cannot be {n}", f"give a number from 1 to {MOST}")
        if command is not None and pick:
            raise UsageError("--verify and --pick both choose", "leave one of them away")
        if pick and n == 1:
            raise UsageError("there is nothing to --pick from", "ask for more with --candidates")
        return cls(n, command, pick, SECONDS if timeout is None else timeout)

    @property
    def wanted(self) -> bool:
        """Whether an answer has to be chosen, and so cannot be shown while it is made."""
        return self.n > 1 or self.verify is not None


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
            words = split(several.verify)
            self._command = Command(words, surroundings(source), several.seconds)

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
        return syntax.errors(self._source.splice(self._span, text), self._language.name)

    def _verified(self, command: Command) -> list[Candidate]:
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


def surroundings(source: Source) -> Tree:
    """What a command needs around a source; UsageError where that is no file."""
    if source.name == STANDARD_INPUT:
        raise UsageError("--verify needs a file to write answers to", "name it in place of -")
    return Tree.around(source.name)


def replayed(completion: Completion) -> Stream:
    """A whole answer as a stream."""
    yield Chunk(completion.text, completion.tokens, completion.reason, completion.prompt_tokens)
