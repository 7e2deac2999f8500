"""A small repository of code to learn from, the same every time."""

from pathlib import Path

from repositories import repository
from starcoder_cli.languages import find_language
from starcoder_cli.tuning.sources import SourceFile

WORDS = ("apple", "brick", "cloud", "dance", "eagle", "flame", "grape", "house")


def code(word: str, functions: int = 5) -> str:
    """Code that no other word makes: each has names and numbers of its own."""
    number = sum(map(ord, word))
    return "\n\n".join(
        f"def {word}_{at}({word}s, count_{at}):\n"
        f"    {word}_total = count_{at} * {number + at}\n"
        f"    print({word}_total, {word}s, {word}_{at})\n"
        f"    return [{word}_total, {number}]\n"
        for at in range(functions)
    )


def codebase(folder: Path) -> Path:
    """A git repository with a file of code for each word."""
    return repository(folder, {f"{word}.py": code(word) for word in WORDS})


def source(path: str, text: str) -> SourceFile:
    """A file of Python that was read."""
    return SourceFile(path, text, find_language("python"), "MIT", "mine")
