"""The scores of a run beside what was published, as one list for tables and pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

from starcoder_cli.evaluation.summary import Scores


@dataclass(frozen=True)
class Mark:
    """A model's score in a group; a published one has a source, and no interval."""

    group: str
    metric: str
    value: float
    model: str
    low: float | None = None
    high: float | None = None
    problems: int | None = None
    source: str = ""

    @property
    def per_cent(self) -> str:
        """The score, in per cent."""
        return f"{100 * self.value:.1f}"

    @property
    def within(self) -> str:
        """Its interval in words; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{100 * self.low:.1f} to {100 * self.high:.1f}"


def marks(scores: Scores) -> Iterator[Mark]:
    """Every score of a run, and behind those of a group what was published of it."""
    asked = scores.asked
    model = named(asked.model, asked.prompted)
    for group in scores.groups:
        for metric in group.metrics(scores.benchmark.compares):
            count = len(group.answered)
            yield Mark(group.name, metric.name, metric.value, model, metric.low, metric.high, count)
        for row in scores.published(group.name):
            who = named(row.model, row.prompted)
            yield Mark(group.name, "pass@1", row.value, who, source=row.source)


def named(model: str, prompted: bool) -> str:
    """A model, and whether its prompts began like a solution."""
    return f"{model}, prompted" if prompted else model
