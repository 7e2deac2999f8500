"""Texts that some parsers take minutes or gigabytes for are recognised before they are read."""

from pathlib import Path

import pytest

import starcoder_cli
from starcoder_cli.candidates.costly_texts import (
    MAX_OPEN_ANGLES,
    has_deep_generics,
    is_repetitive,
)
from starcoder_cli.candidates.syntax import count_syntax_errors


@pytest.mark.parametrize(
    ("language", "unit"),
    [
        ("java", "a<"),
        ("java", "*/~s("),
        ("c-sharp", "a<"),
        ("c-sharp", "%i["),
        ("go", "|#%i["),
        ("kotlin", "a@"),
        ("kotlin", "<*/"),
        ("scala", "`"),
        ("swift", "#"),
        ("typescript", "f<a,"),
    ],
)
def test_texts_that_took_too_much_are_not_parsed(language: str, unit: str) -> None:
    assert count_syntax_errors(unit * 25_000, language) is None
    assert count_syntax_errors(f"{unit}\n" * 25_000, language) is None
    assert count_syntax_errors("// one\n" + unit * (6000 // len(unit) + 1), language) is None


@pytest.mark.parametrize("language", ["java", "c-sharp", "typescript"])
def test_some_generics_are(language: str) -> None:
    lines = (f"a{number}<b{number * 7919 % 1000}<" for number in range(90))
    assert count_syntax_errors("".join(lines) + ";", language) is not None


def test_code_has_few_open_at_once() -> None:
    assert has_deep_generics(b"a<" * (MAX_OPEN_ANGLES + 1))
    assert not has_deep_generics(b"a<" * MAX_OPEN_ANGLES)
    assert not has_deep_generics(b"Map<String, List<A>> a = f(b < c);\n" * 1000)
    assert not has_deep_generics(b"for (i = 0; i < n; i++) { if (a < b) c(); }\n" * 1000)
    assert not has_deep_generics(b"<div><p>a</p></div>\n" * 1000)


def test_code_is_not_repetitive() -> None:
    for path in Path(starcoder_cli.__file__).parent.rglob("*.py"):
        assert not is_repetitive(path.read_bytes()), path
    table = "".join(f"    {{{n}, {n * n}, 0x{n:04x}, 0, 0, 0}},\n" for n in range(500))
    assert not is_repetitive(table.encode())
    assert not is_repetitive(b"/" * 80 + b"\n" + b"\n" * 2000)
