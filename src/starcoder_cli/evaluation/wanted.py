"""What a user wants measured, and the problems that are asked for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starcoder_cli import languages
from starcoder_cli.errors import DataError
from starcoder_cli.evaluation import holes, sources
from starcoder_cli.evaluation.benchmarks import BENCHMARKS, LANGUAGES, Benchmark
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.models.transfer import Progress

HOLES = 50


@dataclass(frozen=True)
class Wanted:
    """A benchmark, and how much of it: `limit` problems of each group, `samples` answers to each,
    so many of them made in `parallel`.

    Raises UsageError for a language that there is not.
    """

    name: str
    limit: int | None = None
    samples: int = 1
    seed: int = 0
    max_tokens: int | None = None
    languages: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    parallel: int = 1

    def __post_init__(self) -> None:
        for language in self.languages:
            languages.find(language)

    @property
    def benchmark(self) -> Benchmark:
        """The benchmark."""
        return BENCHMARKS[self.name]

    @property
    def tokens(self) -> int:
        """Most tokens of an answer."""
        return self.max_tokens or self.benchmark.max_tokens

    def groups(self, progress: Progress, offline: bool) -> Mapping[str, Sequence[Problem]]:
        """All problems by their group, in the order of the data; the limit is not yet applied.

        Raises DataError where there are none in the languages that are wanted, and what reading
        them raises.
        """
        chosen = {languages.find(each).name for each in self.languages}
        found: dict[str, list[Problem]] = {}
        for problem in self._problems(sorted(chosen), progress, offline):
            if not chosen or problem.language in chosen:
                found.setdefault(problem.group, []).append(problem)
        if not found:
            named = ", ".join(sorted(chosen)) or "any language"
            raise DataError(f"the data has no problem in {named}", "give its language with --lang")
        return found

    def _problems(self, chosen: Sequence[str], progress: Progress, offline: bool) -> list[Problem]:
        benchmark = self.benchmark
        if self.name == "repo":
            folder = Path(self.data[0] if self.data else ".")
            return holes.cut(folder, self.seed, self.limit or HOLES, chosen)
        if self.data:
            return sources.problems(self.data, benchmark)
        if not benchmark.source:
            return sources.problems([str(sources.packaged())], benchmark)
        # HumanEval itself is Python's part of MultiPL-E.
        every = [each for each in dict.fromkeys(LANGUAGES.values()) if each != "python"]
        paths = sources.fetched(benchmark.source, chosen or every, progress, offline)
        return sources.problems([str(path) for path in paths], benchmark)
