"""Angle brackets that would fill a parser's memory are noticed before it reads them."""

import pytest

from starcoder_cli.candidates.open_generics import MAX_OPEN_ANGLES, has_deep_generics
from starcoder_cli.candidates.syntax import count_syntax_errors


@pytest.mark.parametrize(
    ("language", "unit"), [("java", "a<"), ("c-sharp", "a<"), ("typescript", "f<a,")]
)
def test_texts_that_took_gigabytes_are_not_parsed(language: str, unit: str) -> None:
    assert count_syntax_errors(unit * 25_000, language) is None
    assert count_syntax_errors(f"{unit}\n" * 25_000, language) is None
    assert count_syntax_errors((unit * 100 + ";") * 250, language) is not None


def test_code_has_few_open_at_once() -> None:
    assert has_deep_generics(b"a<" * (MAX_OPEN_ANGLES + 1))
    assert not has_deep_generics(b"a<" * MAX_OPEN_ANGLES)
    assert not has_deep_generics(b"Map<String, List<A>> a = f(b < c);\n" * 1000)
    assert not has_deep_generics(b"for (i = 0; i < n; i++) { if (a < b) c(); }\n" * 1000)
    assert not has_deep_generics(b"<div><p>a</p></div>\n" * 1000)
