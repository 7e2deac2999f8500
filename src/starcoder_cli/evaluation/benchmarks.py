"""The benchmarks: how each is asked, where its data is, and how its rows are parsed."""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from starcoder_cli.errors import DataError
from starcoder_cli.evaluation.datasets import DatasetRow, require_text, text_list
from starcoder_cli.evaluation.problems import Problem

# The end of a whole function in Python: Chen et al. 2021 (arXiv:2107.03374), section 3.2.
PYTHON_STOP_SEQUENCES = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
# The end of an answer to MBPP: unindented imports and functions belong to it, but not their use.
MBPP_STOP_SEQUENCES = ('\n"""', "\nassert", "\nprint", "\nif __name__", "\n```")
MBPP_TEST_IDS = range(11, 511)
"""The problems that are neither examples nor training data: Austin et al. 2021."""

# MultiPL-E's name of a language -> ours; languages unknown to StarCoder are read as text.
MULTIPL_E_LANGUAGES: Mapping[str, str] = {
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
class DatasetFile:
    """A file in a data set on the hub; `{}` stands for MultiPL-E's name of a language."""

    repository: str
    file: str
    revision: str = "main"


@dataclass(frozen=True)
class Benchmark:
    """How a benchmark is asked: as a gap or a beginning, and with how many tokens.

    `compares_with_reference` means that answers are compared with the author's, `runs_tests` that
    they are run. Without a `dataset_file` its data comes in a package, or is the user's own files.
    """

    name: str
    title: str
    parse_row: Callable[[DatasetRow], Problem | None]
    max_tokens: int = 512
    is_infilling: bool = False
    compares_with_reference: bool = False
    runs_tests: bool = True
    dataset_file: DatasetFile | None = None


def parse_humaneval(row: DatasetRow) -> Problem:
    """Parse a HumanEval function up to the start of its body."""
    return Problem(
        name=require_text(row, "task_id"),
        group="python",
        language="python",
        prefix=require_text(row, "prompt"),
        reference=require_text(row, "canonical_solution"),
        tests=require_text(row, "test"),
        entry_point=require_text(row, "entry_point"),
        stop=PYTHON_STOP_SEQUENCES,
        lines="block",
    )


def parse_humaneval_infilling(row: DatasetRow) -> Problem:
    """Parse a hole in a HumanEval function: Bavarian et al. 2022 (arXiv:2207.14255)."""
    problem = replace(parse_humaneval(row), suffix=require_text(row, "suffix"), stop=())
    is_single_line = problem.name.startswith("SingleLine")
    return replace(problem, lines="one" if is_single_line else "auto")


def parse_mbpp(row: DatasetRow) -> Problem | None:
    """Parse an MBPP problem into InCoder's form: the task and its first test as a docstring.

    Returns None for rows outside the test set. Fried et al. 2022 (arXiv:2204.05999).
    """
    task_id, tests = row.get("task_id"), text_list(row, "test_list")
    if not isinstance(task_id, int) or not tests:
        raise DataError("a row of the data set has no tests", "give the benchmark's own data")
    if task_id not in MBPP_TEST_IDS:
        return None
    imports = "".join(f"{line}\n" for line in text_list(row, "test_imports"))
    setup_code = row.get("test_setup_code")
    reference = require_text(row, "code")
    return Problem(
        name=f"MBPP/{task_id}",
        group="python",
        language="python",
        prefix=f'"""\n{require_text(row, "prompt", "text").strip()}\n{tests[0]}\n"""\n',
        reference=reference,
        tests="\n".join([imports, str(setup_code or ""), *tests, ""]),
        imports=imports,
        entry_point=find_tested_function(reference, tests[0]),
        stop=MBPP_STOP_SEQUENCES,
        lines="many",
    )


def find_tested_function(reference: str, test: str) -> str | None:
    """The first function of an author's program that a test calls, or None."""
    try:
        program, tree = ast.parse(reference), ast.parse(test)
    except SyntaxError:
        return None
    functions = {node.name for node in program.body if isinstance(node, ast.FunctionDef)}
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    called = (function.id for function in calls if isinstance(function, ast.Name))
    return next((name for name in called if name in functions), None)


def parse_multipl_e(row: DatasetRow) -> Problem:
    """Parse a function in one of many languages: Cassano et al. 2022 (arXiv:2208.08227)."""
    multipl_e_name = require_text(row, "language")
    language = MULTIPL_E_LANGUAGES.get(multipl_e_name)
    if language is None:
        raise DataError(
            f"there is no language {multipl_e_name!r} in MultiPL-E", "give its own data"
        )
    return Problem(
        name=require_text(row, "name"),
        group=language,
        language=language,
        prefix=require_text(row, "prompt"),
        tests=require_text(row, "tests"),
        stop=tuple(text_list(row, "stop_tokens")),
        lines="block",
    )


def parse_santacoder_fim(row: DatasetRow) -> Problem:
    """Parse a line of a Python, Java or JavaScript function: Allal et al. 2023 (arXiv:2301.03988).

    Its fields lack the line ends between them.
    """
    language = MULTIPL_E_LANGUAGES[require_text(row, "language")]
    return Problem(
        name=require_text(row, "name"),
        group=language,
        language=language,
        prefix=require_text(row, "prompt") + "\n",
        suffix="\n" + require_text(row, "suffix"),
        reference=require_text(row, "canonical_solution"),
        lines="one",
    )


def skip_row(row: DatasetRow) -> None:
    """Skip the row: the problems are cut from the user's own files."""


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark("humaneval", "HumanEval", parse_humaneval),
        Benchmark(
            "mbpp",
            "MBPP",
            parse_mbpp,
            dataset_file=DatasetFile("Muennighoff/mbpp", "data/sanitized-mbpp.json"),
        ),
        Benchmark(
            "multipl-e",
            "MultiPL-E",
            parse_multipl_e,
            dataset_file=DatasetFile("nuprl/MultiPL-E", "humaneval-{}/test-00000-of-00001.parquet"),
        ),
        Benchmark(
            "infilling",
            "HumanEval infilling",
            parse_humaneval_infilling,
            max_tokens=128,
            is_infilling=True,
            compares_with_reference=True,
            dataset_file=DatasetFile(
                "loubnabnl/humaneval_infilling",
                "HumanEval-SingleLineInfilling/test/0000.parquet",
                "refs/convert/parquet",
            ),
        ),
        Benchmark(
            "santacoder-fim",
            "SantaCoder FIM",
            parse_santacoder_fim,
            max_tokens=64,
            is_infilling=True,
            compares_with_reference=True,
            runs_tests=False,
            dataset_file=DatasetFile(
                "bigcode/santacoder-fim-task", "default/train/0000.parquet", "refs/convert/parquet"
            ),
        ),
        Benchmark(
            "repo",
            "Your code",
            skip_row,
            max_tokens=256,
            is_infilling=True,
            compares_with_reference=True,
            runs_tests=False,
        ),
    )
}
