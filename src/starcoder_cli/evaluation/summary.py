"""The scores of a run: for each group a mean and its interval for each metric."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from starcoder_cli.evaluation.benchmarks import Benchmark
from starcoder_cli.evaluation.metrics import interval, mean, pass_at_k, same, similarity
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.published import Published, published
from starcoder_cli.evaluation.run import Asked, answer_text

KS = (1, 5, 10, 100)

Record: TypeAlias = Mapping[str, object]
Likeness: TypeAlias = Callable[[str, str], float]

LIKENESSES: tuple[tuple[str, Likeness], ...] = (
    ("exact match", same),
    ("edit similarity", similarity),
)


@dataclass(frozen=True)
class Metric:
    """A mean over problems, and where it lies in 95 % of draws of as many problems."""

    name: str
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, name: str, values: Sequence[float]) -> "Metric":
        """The metric of a value for each problem."""
        return cls(name, mean(values), *interval(values))

    def record(self) -> Record:
        """The metric as JSON has it."""
        return {
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
        }


@dataclass(frozen=True)
class Answered:
    """A problem, the answers to it, and the verdict on each: none where nothing was run."""

    problem: Problem
    answers: Sequence[Record]
    verdicts: Sequence[Record] = ()

    @property
    def passed(self) -> int:
        """How many answers pass their tests."""
        return sum(verdict.get("passed") is True for verdict in self.verdicts)

    @property
    def texts(self) -> Sequence[str]:
        """The answers themselves."""
        return [answer_text(answer) for answer in self.answers]


@dataclass(frozen=True)
class Group:
    """All that was asked of one group."""

    name: str
    answered: Sequence[Answered]

    def metrics(self, compares: bool) -> list[Metric]:
        """pass@k for each k that there are answers for, and how like the author's they are."""
        alike = [Metric.of(name, self._means(like)) for name, like in LIKENESSES if compares]
        return [*self._passing(), *alike]

    def _means(self, like: Likeness) -> list[float]:
        return [
            mean([like(text, each.problem.answer) for text in each.texts]) for each in self.answered
        ]

    def _passing(self) -> list[Metric]:
        if not self.answered or not self.answered[0].verdicts:
            return []
        samples = len(self.answered[0].verdicts)
        return [
            Metric.of(f"pass@{k}", [pass_at_k(samples, each.passed, k) for each in self.answered])
            for k in KS
            if k <= samples
        ]


@dataclass(frozen=True)
class Scores:
    """A run as a whole: what was asked, what came of it, group by group, and what was left out."""

    benchmark: Benchmark
    asked: Asked
    groups: Sequence[Group]
    folder: str
    skipped: Mapping[str, str]

    @property
    def engine(self) -> str:
        """What ran the model; empty where it gave no answer."""
        problems = (each for group in self.groups for each in group.answered)
        engines = (answer.get("engine") for each in problems for answer in each.answers)
        return next((str(engine) for engine in engines if engine), "")

    def published(self, group: str) -> list[Published]:
        """What others measured of a group, with or without `--prompted` as here."""
        found = published(self.benchmark.name, group)
        return [row for row in found if self.asked.prompted or not row.prompted]

    def record(self) -> Record:
        """The scores as JSON has them."""
        return {
            **asdict(self.asked),
            "engine": self.engine,
            "groups": [self._group(group) for group in self.groups],
            "skipped": self.skipped,
            "folder": self.folder,
        }

    def _group(self, group: Group) -> Record:
        metrics = group.metrics(self.benchmark.compares)
        return {
            "group": group.name,
            "problems": len(group.answered),
            "scores": {metric.name: metric.record() for metric in metrics},
            "published": [asdict(row) for row in self.published(group.name)],
        }


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
