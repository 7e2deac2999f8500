"""What several trials of a model come to."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starcoder_cli.benchmark.measure import Figure, Trial
from starcoder_cli.loading import TITLES
from starcoder_cli.terminal.sanitize import one_line

LONGEST = 30
"""Characters of a model's name beside others."""


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of at least one number."""
        return cls(statistics.median(values), min(values), max(values))

    def record(self) -> Mapping[str, float]:
        """As JSON has it, with four digits: what is measured is no more exact than that."""
        return {name: rounded(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Result:
    """A model on an engine, and its figures over so many trials."""

    model: str
    engine: str
    runs: int
    spreads: Mapping[Figure, Spread]

    @classmethod
    def of(cls, model: str, engine: str, trials: Sequence[Trial]) -> "Result":
        """The result of at least one trial."""
        names = dict.fromkeys(figure for trial in trials for figure in trial)
        spreads = {
            name: Spread.of([trial[name] for trial in trials if name in trial]) for name in names
        }
        return cls(model, engine, len(trials), spreads)

    @property
    def name(self) -> str:
        """What the model is called beside others."""
        return short(self.model)

    @property
    def runner(self) -> str:
        """What the engine is called."""
        return TITLES.get(self.engine, self.engine)

    def by_length(self, name: str) -> Mapping[int, Spread]:
        """A figure's spread for each length of prompt."""
        return {
            figure.length: spread for figure, spread in self.spreads.items() if figure.name == name
        }

    def median(self, name: str) -> float | None:
        """The median of a figure that has no length."""
        spread = self.spreads.get(Figure(name))
        return spread.median if spread else None

    def record(self) -> Mapping[str, object]:
        """As a JSON object; a figure of prompts is an object with their lengths for names."""
        told: dict[str, object] = {"model": self.model, "engine": self.engine, "runs": self.runs}
        for name in dict.fromkeys(figure.name for figure in self.spreads):
            found = {length: spread.record() for length, spread in self.by_length(name).items()}
            told[name] = found[0] if 0 in found else {str(each): found[each] for each in found}
        return told


def short(model: str) -> str:
    """A model's name on one line, of a long path its end."""
    name = one_line(model)
    return name if len(name) <= LONGEST else f"...{name[3 - LONGEST :]}"


def rounded(value: float) -> float:
    """A number with four digits, a whole one where it has as many before the point."""
    return round(float(f"{value:.4g}"), None if value >= 1000 else 10)


def rows(results: Sequence[Result]) -> list[Figure]:
    """Every figure that some result has, in the order in which they were measured."""
    return list(dict.fromkeys(figure for result in results for figure in result.spreads))
