"""The scores of a run: a mean and its interval for each group and metric."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from starcoder_cli.evaluation.benchmarks import Benchmark
from starcoder_cli.evaluation.metrics import (
    confidence_interval,
    edit_similarity,
    is_exact_match,
    mean,
    pass_at_k,
)
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.published import PublishedScore, find_published_scores
from starcoder_cli.evaluation.run import RunSettings, answer_text

PASS_AT_K_VALUES = (1, 5, 10, 100)

JsonObject: TypeAlias = Mapping[str, object]
TextSimilarity: TypeAlias = Callable[[str, str], float]

TEXT_SIMILARITIES: tuple[tuple[str, TextSimilarity], ...] = (
    ("exact match", is_exact_match),
    ("edit similarity", edit_similarity),
)


@dataclass(frozen=True)
class Metric:
    """A mean over problems, and its 95 % confidence interval."""

    name: str
    value: float
    low: float
    high: float

    @classmethod
    def from_values(cls, name: str, values: Sequence[float]) -> "Metric":
        """Build a metric from one value per problem."""
        return cls(name, mean(values), *confidence_interval(values))

    def record(self) -> JsonObject:
        """The metric as a JSON object."""
        return {
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
        }


@dataclass(frozen=True)
class ProblemResult:
    """A problem, its answers, and a verdict on each; no verdicts if nothing was run."""

    problem: Problem
    answers: Sequence[JsonObject]
    verdicts: Sequence[JsonObject] = ()

    @property
    def passed_count(self) -> int:
        """The number of answers that pass their tests."""
        return sum(verdict.get("passed") is True for verdict in self.verdicts)

    @property
    def answer_texts(self) -> Sequence[str]:
        """The texts of the answers."""
        return [answer_text(answer_record) for answer_record in self.answers]


@dataclass(frozen=True)
class ProblemGroup:
    """The results of one group of problems."""

    name: str
    results: Sequence[ProblemResult]

    def metrics(self, compares: bool) -> list[Metric]:
        """pass@k for each k with enough answers, and the similarity to the author's solutions."""
        similarities = [
            Metric.from_values(name, self._mean_similarities(similarity_of))
            for name, similarity_of in TEXT_SIMILARITIES
            if compares
        ]
        return [*self._pass_at_k_metrics(), *similarities]

    def _mean_similarities(self, similarity_of: TextSimilarity) -> list[float]:
        return [
            mean([similarity_of(text, result.problem.reference) for text in result.answer_texts])
            for result in self.results
        ]

    def _pass_at_k_metrics(self) -> list[Metric]:
        if not self.results or not self.results[0].verdicts:
            return []
        samples = len(self.results[0].verdicts)
        return [
            Metric.from_values(
                f"pass@{k}", [pass_at_k(samples, result.passed_count, k) for result in self.results]
            )
            for k in PASS_AT_K_VALUES
            if k <= samples
        ]


@dataclass(frozen=True)
class Scores:
    """A whole run: its settings, its results by group, and what was left out."""

    benchmark: Benchmark
    settings: RunSettings
    groups: Sequence[ProblemGroup]
    folder: str
    skipped: Mapping[str, str]

    @property
    def engine(self) -> str:
        """The engine that ran the model; empty if nothing was asked."""
        results = (result for group in self.groups for result in group.results)
        engines = (answer.get("engine") for result in results for answer in result.answers)
        return next((str(engine) for engine in engines if engine), "")

    def published_scores(self, group: str) -> list[PublishedScore]:
        """Published scores for a group; those with `--prompted` only if this run used it."""
        scores = find_published_scores(self.benchmark.name, group)
        return [score for score in scores if self.settings.prompted or not score.prompted]

    def record(self) -> JsonObject:
        """The scores as a JSON object."""
        return {
            **asdict(self.settings),
            "engine": self.engine,
            "groups": [self._group_record(group) for group in self.groups],
            "skipped": self.skipped,
            "folder": self.folder,
        }

    def _group_record(self, group: ProblemGroup) -> JsonObject:
        metrics = group.metrics(self.benchmark.compares_with_reference)
        return {
            "group": group.name,
            "problems": len(group.results),
            "scores": {metric.name: metric.record() for metric in metrics},
            "published": [asdict(score) for score in self.published_scores(group.name)],
        }


@dataclass(frozen=True)
class ScoreRow:
    """A model's score in a group; a published one has a source, and no interval."""

    group: str
    metric: str
    value: float
    model: str
    low: float | None = None
    high: float | None = None
    problem_count: int | None = None
    source: str = ""

    @property
    def percent(self) -> str:
        """The score in per cent."""
        return f"{100 * self.value:.1f}"

    @property
    def interval_text(self) -> str:
        """The interval in words; empty if there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{100 * self.low:.1f} to {100 * self.high:.1f}"


def score_rows(scores: Scores) -> Iterator[ScoreRow]:
    """All scores of a run, each group followed by its published scores."""
    run_settings = scores.settings
    model = model_label(run_settings.model, run_settings.prompted)
    for group in scores.groups:
        for metric in group.metrics(scores.benchmark.compares_with_reference):
            problem_count = len(group.results)
            yield ScoreRow(
                group.name, metric.name, metric.value, model, metric.low, metric.high, problem_count
            )
        for score in scores.published_scores(group.name):
            label = model_label(score.model, score.prompted)
            yield ScoreRow(group.name, "pass@1", score.value, label, source=score.source)


def model_label(model: str, prompted: bool) -> str:
    """A model's name, with a note if its prompts were like a solution."""
    return f"{model}, prompted" if prompted else model
