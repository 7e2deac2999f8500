"""Models measured in turns, each in a process of its own, and what is told of them."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starcoder_cli.commands.subjects import Contest, Subject, subjects
from starcoder_cli.errors import ExitCode, StarcoderError
from starcoder_cli.output import (
    Messages,
    is_terminal,
    report,
    standard_output,
    write_json,
    write_text,
)
from starcoder_cli.speed.process import FailedError, Hear, Measured, run
from starcoder_cli.speed.results import Result

if TYPE_CHECKING:
    from starcoder_cli.saving import Target


@dataclass(frozen=True)
class Show:
    """In which form results are told: as a table or as JSON, and as a picture in a file."""

    json: bool = False
    picture: str = ""


@dataclass
class Score:
    """What is known of a subject by now: what it measured, or why it does not."""

    measured: list[Measured] = field(default_factory=list)
    failure: FailedError | None = None

    def result(self, subject: Subject) -> Result | None:
        """The figures of a subject that never failed."""
        if self.failure or not self.measured:
            return None
        trials = [each.trial for each in self.measured]
        return Result.of(self.measured[0].model, subject.engine, trials)


def hold(contest: Contest, show: Show, messages: Messages) -> int:
    """Measure each subject as often as is asked for, and tell the results.

    Returns the exit code of the first that failed, which is told when it does. Raises what
    `subjects` raises, and whatever keeps the picture from being drawn, before anything is measured.
    """
    standard_output()
    target = drawable(show.picture) if show.picture else None
    scores = {subject: Score() for subject in subjects(contest, messages)}
    noted: set[str] = set()
    try:
        for turn in range(contest.runs):
            for subject, score in scores.items():
                title = f"{turn + 1} of {contest.runs}: {subject.short_title}"
                if not score.failure:
                    attempt(subject, score, hearing(title, noted, messages))
    finally:
        messages.status("")
    tell(scores, show)
    results = [found for each, score in scores.items() if (found := score.result(each))]
    if target and results:
        from starcoder_cli.speed.picture import draw

        target.save(draw(results, show.picture))
    failures = [score.failure.exit_code for score in scores.values() if score.failure]
    return failures[0] if failures else ExitCode.DONE


def attempt(subject: Subject, score: Score, hear: Hear) -> None:
    """Measure a subject once; what goes wrong is told, and kept."""
    try:
        score.measured.append(run(subject.words, hear))
    except FailedError as error:
        hear("doing", "")
        score.failure = error
        title = "" if subject.model in error.message else f"{subject.title}: "
        report(StarcoderError(title + error.message, error.hint))


def hearing(title: str, noted: set[str], messages: Messages) -> Hear:
    """What is done with what a process says: a note is passed on once, of all turns together."""

    def hear(kind: str, text: str) -> None:
        if kind == "doing":
            messages.status(text and f"{title} {text} …")
        elif text not in noted:
            noted.add(text)
            messages.status("")
            (messages.note if kind == "note" else messages.detail)(text)

    return hear


def tell(scores: Mapping[Subject, Score], show: Show) -> None:
    """Tell the results: as JSON, which has those that failed too, or as a table."""
    results = [found for each, score in scores.items() if (found := score.result(each))]
    if show.json:
        for subject, score in scores.items():
            write_json(record(subject, score))
    elif results:
        from starcoder_cli.commands import standings

        if is_terminal(sys.stdout):
            standings.draw(results)
        else:
            write_text(standings.table(results))


def record(subject: Subject, score: Score) -> Mapping[str, object]:
    """A subject's result as a JSON object, or what is wrong with it."""
    result = score.result(subject)
    if result:
        return result.record()
    assert score.failure
    told = {"model": subject.model, "engine": subject.engine, "error": str(score.failure)}
    return {**told, "code": int(score.failure.exit_code)}


def drawable(path: str) -> "Target":
    """The file of a picture, found to be one that can be drawn and written."""
    from starcoder_cli.saving import Target
    from starcoder_cli.speed.picture import check

    check(path)
    return Target.output(path)
