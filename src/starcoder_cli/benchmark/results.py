"""Summarizes several measurements of a model."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starcoder_cli.benchmark.measure import BenchmarkMetric, Measurement
from starcoder_cli.loading import ENGINE_TITLES
from starcoder_cli.terminal.sanitize import to_one_line

MAX_MODEL_NAME_CHARACTERS = 30
"""The maximum length of a model's name when shown beside others."""


@dataclass(frozen=True)
class Spread:
    """The median, the lowest and the highest of some numbers."""

    median: float
    low: float
    high: float

    @classmethod
    def from_values(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one number."""
        return cls(statistics.median(values), min(values), max(values))

    def record(self) -> Mapping[str, float]:
        """The spread for JSON, to four digits, since measurements are no more exact than that."""
        return {name: round_to_four_digits(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class BenchmarkResult:
    """A model on an engine, and the spread of each metric over `runs` runs."""

    model: str
    engine: str
    runs: int
    spreads: Mapping[BenchmarkMetric, Spread]

    @classmethod
    def from_measurements(
        cls, model: str, engine: str, measurements: Sequence[Measurement]
    ) -> "BenchmarkResult":
        """Create the result of at least one measurement."""
        metrics = dict.fromkeys(metric for measurement in measurements for metric in measurement)
        spreads = {
            metric: Spread.from_values(
                [measurement[metric] for measurement in measurements if metric in measurement]
            )
            for metric in metrics
        }
        return cls(model, engine, len(measurements), spreads)

    @property
    def short_name(self) -> str:
        """The model's name when shown beside others."""
        return shorten_model_name(self.model)

    @property
    def engine_title(self) -> str:
        """The engine's display name."""
        return ENGINE_TITLES.get(self.engine, self.engine)

    def spreads_by_length(self, name: str) -> Mapping[int, Spread]:
        """A metric's spread for each prompt length."""
        return {
            metric.length: spread for metric, spread in self.spreads.items() if metric.name == name
        }

    def median(self, name: str) -> float | None:
        """The median of a metric that has no length."""
        spread = self.spreads.get(BenchmarkMetric(name))
        return spread.median if spread else None

    def record(self) -> Mapping[str, object]:
        """The result as a JSON object; a metric of prompts is an object keyed by their lengths."""
        fields: dict[str, object] = {"model": self.model, "engine": self.engine, "runs": self.runs}
        for name in dict.fromkeys(metric.name for metric in self.spreads):
            records_by_length = {
                length: spread.record() for length, spread in self.spreads_by_length(name).items()
            }
            fields[name] = (
                records_by_length[0]
                if 0 in records_by_length
                else {str(length): records_by_length[length] for length in records_by_length}
            )
        return fields


def shorten_model_name(model: str) -> str:
    """A model's name on one line, or the end of it if it is a long path."""
    name = to_one_line(model)
    return (
        name
        if len(name) <= MAX_MODEL_NAME_CHARACTERS
        else f"...{name[3 - MAX_MODEL_NAME_CHARACTERS :]}"
    )


def round_to_four_digits(value: float) -> float:
    """A number rounded to four digits, whole if it has at least four before the point."""
    return round(float(f"{value:.4g}"), None if value >= 1000 else 10)


def list_metrics(results: Sequence[BenchmarkResult]) -> list[BenchmarkMetric]:
    """Every metric that any result has, in the order in which they were measured."""
    return list(dict.fromkeys(metric for result in results for metric in result.spreads))
