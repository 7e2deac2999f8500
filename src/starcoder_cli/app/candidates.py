"""Several answers for one place, and the choice among them: by rank, by a command, by a person."""

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from starcoder_cli.app.answer_record import Answer
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.request import CandidateOptions
from starcoder_cli.candidates import syntax
from starcoder_cli.candidates.flaws import find_flaws
from starcoder_cli.candidates.ranking import (
    Candidate,
    deduplicate_candidates,
    rank_candidates,
    sampling_schedule,
)
from starcoder_cli.errors import NegativeError, UsageError
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Source, Span
from starcoder_cli.languages import Language
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Chunk, Completion, Stream, collect
from starcoder_cli.terminal.output import wants_color

if TYPE_CHECKING:
    from starcoder_cli.candidates.checks.run import CheckedFile
    from starcoder_cli.candidates.verify import VerifyCommand

MAX_DRAWS_PER_CANDIDATE = 2
"""How many answers are made at most for each that is wanted, as some are duplicates or broken."""


class CandidateChooser:
    """Chooses among answers for a range of a source.

    Raises UsageError or DataError, before a model is loaded, if it could not choose.
    """

    def __init__(
        self,
        options: CandidateOptions,
        source: Source,
        span: Span,
        language: Language,
        output: OutputOptions,
    ) -> None:
        self._options = options
        self._source = source
        self._span = span
        self._language = language
        self._output = output
        self._candidates: list[Candidate] = []
        self._command: VerifyCommand | None = None
        self._checked_file: CheckedFile | None = None
        if options.pick:
            from starcoder_cli.app.pick import need_terminal

            need_terminal()
        if options.check:
            self._checked_file = checked_file(source, language)
        if options.verify is not None:
            self._command = verify_command(options.verify, source, options.seconds)

    def generate(self, stream: Callable[[Sampling], Stream], sampling: Sampling) -> None:
        """Generate answers until enough of them are sound and different, and rank the best."""
        count = self._options.n
        candidates: list[Candidate] = []
        try:
            for drawn in sampling_schedule(sampling, count * MAX_DRAWS_PER_CANDIDATE):
                with closing(stream(drawn)) as chunks:
                    candidates.append(self._with_flaws(Candidate(collect(chunks), drawn)))
                sound = sum(map(self._is_sound, deduplicate_candidates(candidates)))
                self._output.messages.show_status(f"{sound} of {count} candidates are made …")
                if sound >= count:
                    break
        finally:
            self._output.messages.show_status("")
        self._seconds = sum(candidate.completion.seconds for candidate in candidates)
        ranked = rank_candidates(candidates)
        if self._checked_file:
            ranked = self._check(ranked, self._checked_file)
        self._candidates = ranked[:count]
        if self._options.verify is None and not self._output.json:
            self._note_errors()

    def _note_errors(self) -> None:
        """Warn if no answer is sound; a command that tries them, or a record, says so itself."""
        if all(candidate.parses is False for candidate in self._candidates):
            self._output.messages.note("every answer leaves syntax errors in the file")

    def choose(self) -> Completion:
        """Choose an answer and put it first among the candidates; its time is that of them all.

        If the command passes none of them, that is the one that ranks best.
        """
        if self._command:
            self._candidates = self._verify(self._command)
        elif self._options.pick and self._candidates[0].text.strip():
            self._candidates.insert(0, self._candidates.pop(self._pick()))
        return replace(self._candidates[0].completion, seconds=self._seconds)

    @property
    def passed(self) -> bool:
        """Whether the chosen answer passes, rather than being the best of those that fail."""
        return not self._candidates or self._candidates[0].verified is not False

    def with_candidates(self, answer: Answer) -> Answer:
        """Add the seed and the candidates to the chosen answer; unchanged if none was chosen."""
        if not self._candidates:
            return answer
        records = [candidate.record() for candidate in self._candidates]
        return replace(answer, seed=self._candidates[0].sampling.seed, candidates=records)

    def failure(self) -> NegativeError:
        """The error if no candidate passes."""
        way = "ask for more with -n" if self._output.verbose else "-v shows what it says"
        return NegativeError(f"no candidate passes `{self._options.verify}`", way)

    def _with_flaws(self, candidate: Candidate) -> Candidate:
        """The candidate with the flaws of the file that it would leave."""
        whole = self._source.splice(self._span, candidate.text)
        count, anyway = (
            syntax.count_syntax_errors(whole, self._language.name),
            self._flaws_without_answer[0],
        )
        errors = None if count is None or anyway is None else count - anyway
        return replace(candidate, added_errors=errors, flaws=find_flaws(whole, self._language.name))

    def _is_sound(self, candidate: Candidate) -> bool:
        """Whether an answer is not blank, and adds no flaw to those of the file without it."""
        more = Counter(candidate.flaws) - Counter(self._flaws_without_answer[1])
        return bool(candidate.text.strip()) and candidate.parses is not False and not more

    @cached_property
    def _flaws_without_answer(self) -> tuple[int | None, tuple[str, ...]]:
        """The flaws of the file without an answer."""
        without = self._source.splice(self._span, "")
        language = self._language.name
        return syntax.count_syntax_errors(without, language), find_flaws(without, language)

    def _check(self, ranked: list[Candidate], file: "CheckedFile") -> list[Candidate]:
        """Rank the candidates by running them; a note says if nothing runs or none is right."""
        from starcoder_cli.candidates.checks.run import rank_by_running

        messages = self._output.messages
        outcome = rank_by_running(ranked, file, self._source, self._span, messages.show_status)
        if outcome.reason:
            messages.note(f"nothing was run: {outcome.reason}; the answers are chosen by rank")
            return ranked

        if outcome.unusable_tests:
            messages.note(f"no test of {', '.join(outcome.unusable_tests)} could be run here")
        best_first = rank_candidates(outcome.candidates)
        check = best_first[0].check
        if check and check.failed:
            messages.note(
                f"the best answer fails {check.failed} of {check.failed + check.passed} checks"
            )
        return best_first

    def _verify(self, command: "VerifyCommand") -> list[Candidate]:
        """Put the first candidate that passes first, and mark those that were tried."""
        messages, waiting = self._output.messages, self._candidates
        failed: list[Candidate] = []
        try:
            for at, candidate in enumerate(waiting, 1):
                messages.show_status(f"verifying candidate {at} of {len(waiting)} …")
                whole = self._source.replaced(self._span, candidate.text)
                tell = self._show_line if messages.verbose else None
                passes = command.passes(whole.encode("utf-8", "surrogateescape"), tell)
                tried = replace(candidate, verified=passes)
                if passes:
                    return [tried, *failed, *waiting[at:]]
                failed.append(tried)
        finally:
            messages.show_status("")
        return failed

    def _show_line(self, line: str) -> None:
        """Show a line of the command's output, in place of the status."""
        self._output.messages.show_status("")
        self._output.messages.detail(line)

    def _pick(self) -> int:
        """Ask which candidate the user takes, even if there is only one: it may be unwanted."""
        from starcoder_cli.app.pick import pick
        from starcoder_cli.terminal.code import Highlighter

        if len(self._candidates) == 1:
            drawn = self._candidates[0].draw_count
            self._output.messages.note(f"all {drawn} answers are the same")
        color = wants_color(self._output.color, sys.stderr)
        before = self._source.raw[: self._span.start]
        return pick(self._candidates, Highlighter(self._language.lexer, color), before)


def checked_file(source: Source, language: Language) -> "CheckedFile":
    """The file of a source, to run answers in; raises what `CheckedFile.of` raises."""
    from starcoder_cli.candidates.checks.run import CheckedFile

    return CheckedFile.of(source, language.name)


def verify_command(line: str, source: Source, seconds: float) -> "VerifyCommand":
    """The command that tries answers for a source; raises UsageError if that is not a file."""
    from starcoder_cli.candidates.verify import VerifyCommand, check_command
    from starcoder_cli.files.worktree import WorkTree

    check_command(line)
    if source.name == STANDARD_INPUT:
        raise UsageError("--verify needs a file to write answers to", "name it in place of -")
    return VerifyCommand(line, WorkTree.containing(source.name), seconds)


def replay(completion: Completion) -> Stream:
    """A whole answer as a stream."""
    yield Chunk(completion.text, completion.tokens, completion.reason, completion.prompt_tokens)
