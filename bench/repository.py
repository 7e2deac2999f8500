"""Lines that use names of other files, in installed packages: what reading these files is worth.

    python bench/repository.py ANSWERS [--lines N] [--model NAME] [--context SECONDS ...]
        [--packages NAME ...] [--site FOLDER]

ANSWERS is a folder for copies of the packages, as repositories, and for the files of answers: a run
that was stopped resumes where it ended. A line counts if it has a name that another file of its
package defines and its own does not, not counting imports. Prints for each number of seconds how
many answers are the package's own line, and how similar to it they are.
"""

import argparse
import importlib.util
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.context.definitions import find_definitions
from starcoder_cli.evaluation.metrics import edit_similarity

PACKAGES = ("starlette", "typer", "pygls", "hypothesis", "markdown_it")
NAME = re.compile(r"[^\W\d]\w{3,}")
MIN_CHARACTERS = 12
MAX_TOKENS, MAX_PROMPT_TOKENS = 64, 600
"""The maximum tokens written, and read of the line's own file."""


@dataclass(frozen=True)
class Line:
    """A line of a file of a package, counted from 1, and its code."""

    package: str
    path: str
    number: int
    indent: int
    code: str

    @property
    def place(self) -> str:
        """The range of its code."""
        end = self.indent + len(self.code) + 1
        return f"{self.path}:{self.number}:{self.indent + 1}-{self.number}:{end}"


def main() -> None:
    """Ask for what has not been answered yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--lines", type=int, default=20, help="so many of each package")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--context", type=float, nargs="*", default=[0.0, 2.0])
    parser.add_argument("--packages", nargs="+", default=PACKAGES, help="by the names they import")
    parser.add_argument(
        "--site", type=Path, help="the folder that holds them, if not this Python's"
    )
    options = parser.parse_args()
    if options.site:
        sys.path.insert(0, str(options.site))
    lines = {
        package: sample_lines(copy_package(package, options.answers), package, options.lines)
        for package in options.packages
    }
    print("| seconds for other files | lines | exact | similarity | tokens of other files |")
    print("|---|---|---|---|---|")
    for seconds in options.context:
        records = [
            (line, record)
            for package in options.packages
            for line, record in ask(options.answers, lines[package], seconds, options.model)
        ]
        exact = sum(record["text"].strip() == line.code for line, record in records)
        alike = sum(edit_similarity(line.code, record["text"].strip()) for line, record in records)
        tokens = sum(each["tokens"] for _, record in records for each in record["context"])
        count = len(records)
        print(
            f"| {seconds:g} | {count} | {exact} ({exact / count:.3f}) | {alike / count:.3f} "
            f"| {tokens / count:.0f} |"
        )


def copy_package(package: str, folder: Path) -> Path:
    """Create a repository with the source of an installed package."""
    repository = folder / package
    if not repository.exists():
        found = importlib.util.find_spec(package)
        assert found and found.origin, f"{package} is not installed"
        ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.pyc")
        shutil.copytree(Path(found.origin).parent, repository / package, ignore=ignored)
        subprocess.run(["git", "init", "-q", str(repository)], check=True)
        for path in repository.rglob("*.py"):  # as if nobody had worked on it lately
            os.utime(path, (0, 0))
    return repository


def sample_lines(repository: Path, package: str, count: int) -> list[Line]:
    """Random lines, at most two per file, the same ones each time."""
    texts = {
        path.relative_to(repository).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(repository.rglob("*.py"))
    }
    defined = {
        path: {definition.name for definition in find_definitions(text, "python")}
        for path, text in texts.items()
    }
    chance = random.Random(package)
    sampled = []
    for path, text in texts.items():
        others = set().union(*(names for other, names in defined.items() if other != path))
        found = list(cross_file_lines(package, path, text, others - defined[path]))
        sampled += chance.sample(found, min(2, len(found)))
    return chance.sample(sampled, min(count, len(sampled)))


def cross_file_lines(package: str, path: str, text: str, names: set[str]) -> Iterator[Line]:
    """Yield a file's lines of code with one of these names, except imports and documentation."""
    quoted = False
    for number, line in enumerate(text.split("\n"), 1):
        code = line.strip()
        is_text = quoted or code.startswith(('"""', "'''", "#"))
        quoted ^= (line.count('"""') + line.count("'''")) % 2 == 1
        if is_text or len(code) < MIN_CHARACTERS or code.startswith(("import ", "from ", "@")):
            continue
        if names & set(NAME.findall(code)) and not code.endswith(","):
            yield Line(package, path, number, len(line) - len(line.lstrip()), code)


def ask(
    folder: Path, lines: Sequence[Line], seconds: float, model: str
) -> Iterator[tuple[Line, Mapping[str, Any]]]:
    """Yield the record of each answer; those already in the file are kept."""
    repository = folder / lines[0].package
    name = f"{lines[0].package}.{model}.{seconds:g}".replace("/", "-")
    holes, answers = folder / f"{name}.holes", folder / f"{name}.jsonl"
    rows = [{"id": at, "place": line.place, "lines": "one"} for at, line in enumerate(lines)]
    holes.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    words = [sys.executable, "-m", "starcoder_cli", "fill", "--batch", str(holes.resolve())]
    words += ["-o", str(answers.resolve()), "-m", model, "--max-tokens", str(MAX_TOKENS)]
    words += ["--max-prompt-tokens", str(MAX_PROMPT_TOKENS), "--context", str(seconds)]
    subprocess.run(words, cwd=repository, check=True)
    with answers.open(encoding="utf-8") as file:
        yield from zip(lines, map(json.loads, file), strict=True)


if __name__ == "__main__":
    main()
