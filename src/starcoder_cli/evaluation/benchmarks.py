"""The benchmarks: how each is asked, where its data are, and how a row of them is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from starcoder_cli.errors import DataError
from starcoder_cli.evaluation.datasets import Row, text, texts
from starcoder_cli.evaluation.problems import Problem

# Where a whole function in Python is over: Chen et al. 2021 (arXiv:2107.03374), section 3.2.
PYTHON_STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
# Where an answer to MBPP is over: at its margin stand imports and functions, but no use of them.
MBPP_STOP = ('\n"""', "\nassert", "\nprint", "\nif __name__", "\n```")
MBPP_TEST = range(11, 511)
"""The numbers of the problems that are no example and were not tuned on: Austin et al. 2021."""

# MultiPL-E's name of a language -> ours; those that StarCoder was not trained on are read as text.
LANGUAGES: Mapping[str, str] = {
    "cpp": "cpp",
    "cs": "c-sharp",
    "d": "d",
    "go": "go",
    "go_test.go": "go",
    "java": "java",
    "jl": "julia",
    "js": "javascript",
    "lua": "lua",
    "php": "php",
    "pl": "perl",
    "py": "python",
    "r": "r",
    "rb": "ruby",
    "rkt": "racket",
    "rs": "rust",
    "scala": "scala",
    "sh": "shell",
    "swift": "swift",
    "ts": "typescript",
}


@dataclass(frozen=True)
class Source:
    """A file in a data set on the hub; `{}` is MultiPL-E's name of a language."""

    repository: str
    file: str
    revision: str = "main"


@dataclass(frozen=True)
class Benchmark:
    """How a benchmark is asked: as a gap or as a beginning, and for how many tokens.

    `compares` says that answers are compared with the author's, `runs` that they are run. Without
    a `source` its data come in a package, or are the user's own files.
    """

    name: str
    title: str
    read: Callable[[Row], Problem | None]
    max_tokens: int = 512
    fills: bool = False
    compares: bool = False
    runs: bool = True
    source: Source | None = None


def function(row: Row) -> Problem:
    """A function of HumanEval, up to where its body begins."""
    return Problem(
        name=text(row, "task_id"),
        group="python",
        language="python",
        prefix=text(row, "prompt"),
        answer=text(row, "canonical_solution"),
        tests=text(row, "test"),
        entry_point=text(row, "entry_point"),
        stop=PYTHON_STOP,
        lines="block",
    )


def infilled(row: Row) -> Problem:
    """A hole in a function of HumanEval: Bavarian et al. 2022 (arXiv:2207.14255)."""
    found = replace(function(row), suffix=text(row, "suffix"), stop=())
    single = found.name.startswith("SingleLine")
    return replace(found, lines="one" if single else "auto")


def basic(row: Row) -> Problem | None:
    """A problem of MBPP in InCoder's form: the task and its first test as a docstring.

    None for those that are no test. Fried et al. 2022 (arXiv:2204.05999).
    """
    number, tests = row.get("task_id"), texts(row, "test_list")
    if not isinstance(number, int) or not tests:
        raise DataError("a row of the data set has no tests", "give the benchmark's own data")
    if number not in MBPP_TEST:
        return None
    imports = "".join(f"{line}\n" for line in texts(row, "test_imports"))
    set_up = row.get("test_setup_code")
    return Problem(
        name=f"MBPP/{number}",
        group="python",
        language="python",
        prefix=f'"""\n{text(row, "prompt", "text").strip()}\n{tests[0]}\n"""\n',
        answer=text(row, "code"),
        tests="\n".join([imports, str(set_up or ""), *tests, ""]),
        imports=imports,
        stop=MBPP_STOP,
        lines="many",
    )


def translated(row: Row) -> Problem:
    """A function in one of many languages: Cassano et al. 2022 (arXiv:2208.08227)."""
    named = text(row, "language")
    language = LANGUAGES.get(named)
    if language is None:
        raise DataError(f"there is no language {named!r} in MultiPL-E", "give its own data")
    return Problem(
        name=text(row, "name"),
        group=language,
        language=language,
        prefix=text(row, "prompt"),
        tests=text(row, "tests"),
        stop=tuple(texts(row, "stop_tokens")),
        lines="block",
    )


def single_line(row: Row) -> Problem:
    """A line of a function in Python, Java or JavaScript: Allal et al. 2023 (arXiv:2301.03988).

    Its fields have no line ends where they meet.
    """
    language = LANGUAGES[text(row, "language")]
    return Problem(
        name=text(row, "name"),
        group=language,
        language=language,
        prefix=text(row, "prompt") + "\n",
        suffix="\n" + text(row, "suffix"),
        answer=text(row, "canonical_solution"),
        lines="one",
    )


def unread(row: Row) -> None:
    """Nothing: the problems are cut out of the user's own files."""


BENCHMARKS = {
    each.name: each
    for each in (
        Benchmark("humaneval", "HumanEval", function),
        Benchmark(
            "mbpp", "MBPP", basic, source=Source("Muennighoff/mbpp", "data/sanitized-mbpp.json")
        ),
        Benchmark(
            "multipl-e",
            "MultiPL-E",
            translated,
            source=Source("nuprl/MultiPL-E", "humaneval-{}/test-00000-of-00001.parquet"),
        ),
        Benchmark(
            "infilling",
            "HumanEval infilling",
            infilled,
            max_tokens=128,
            fills=True,
            compares=True,
            source=Source(
                "loubnabnl/humaneval_infilling",
                "HumanEval-SingleLineInfilling/test/0000.parquet",
                "refs/convert/parquet",
            ),
        ),
        Benchmark(
            "santacoder-fim",
            "SantaCoder FIM",
            single_line,
            max_tokens=64,
            fills=True,
            compares=True,
            runs=False,
            source=Source(
                "bigcode/santacoder-fim-task", "default/train/0000.parquet", "refs/convert/parquet"
            ),
        ),
        Benchmark(
            "repo", "Your code", unread, max_tokens=256, fills=True, compares=True, runs=False
        ),
    )
}
