"""Licence expressions, and which of them somebody will not have."""

import pytest

from starcoder_cli.attribution.licences import (
    MAX_LICENCE_FILES,
    LicenceAllowList,
    LicenceDenyList,
    find_licence_files,
    normalize_licence,
)
from starcoder_cli.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", "MIT"),
        ("mit or apache-2.0", "MIT OR Apache-2.0"),
        ("GPL-3.0", "GPL-3.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("(MIT AND ISC) OR LicenseRef-mine", "(MIT AND ISC) OR LicenseRef-mine"),
        ("GPL-2.0-only with Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        *(
            (text, "")
            for text in ("", " ", "BSD", "MIT License", "MIT OR", "(MIT", "MIT MIT", "(" * 500)
        ),
        *(
            (text, "")
            for text in ("()", "( and )", "MIT AND ( )", "LicenseRef-é", "MIT\udce9", "(MIT" * 100)
        ),
        ("MIT OR " * 1000 + "MIT", ""),
    ],
)
def test_an_expression_has_one_spelling(text: str, expected: str) -> None:
    assert normalize_licence(text) == expected


@pytest.mark.parametrize(
    ("words", "licence", "refused"),
    [
        (["copyleft"], "GPL-2.0-only", True),
        (["copyleft"], "LGPL-2.1-or-later", True),
        (["copyleft"], "MPL-2.0", True),
        (["copyleft"], "MIT", False),
        (["copyleft"], "MIT OR GPL-2.0-only", False),
        (["copyleft"], "MIT AND GPL-2.0-only", True),
        (["copyleft"], "GPL-2.0-only WITH Classpath-exception-2.0", True),
        (["copyleft"], "(MIT OR GPL-2.0-only) AND (ISC OR LGPL-3.0-only)", False),
        (["copyleft"], "", False),
        (["unknown"], "", True),
        (["unknown"], "MIT", False),
        (["MIT AND ISC"], "ISC", True),
        (["GPL-2.0-only"], "GPL-2.0-only WITH Classpath-exception-2.0", True),
        (["GPL-2.0-only WITH Classpath-exception-2.0"], "GPL-2.0-only", False),
        (["LicenseRef-mine"], "LicenseRef-mine", True),
        ([], "AGPL-3.0-only", False),
    ],
)
def test_what_is_refused(words: list[str], licence: str, refused: bool) -> None:
    assert LicenceDenyList.parse(words).denies(licence) is refused


def test_a_word_that_is_no_licence_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'permissive' is not a licence expression"):
        LicenceDenyList.parse(["MIT", "permissive"])


@pytest.mark.parametrize(
    ("words", "licence", "allowed"),
    [
        (["MIT"], "MIT", True),
        (["MIT OR Apache-2.0"], "Apache-2.0", True),
        (["MIT"], "MIT OR GPL-2.0-only", True),
        (["MIT"], "MIT AND GPL-2.0-only", False),
        (["GPL-2.0-only"], "GPL-2.0-only WITH Classpath-exception-2.0", True),
        (["MIT"], "", False),
        (["unknown"], "", True),
        (["unknown"], "MIT", False),
        (["permissive"], "BSD-3-Clause AND ISC", True),
        (["permissive"], "Unlicense", True),
        (["Permissive"], "GPL-3.0-only", False),
        (["permissive", "LGPL-3.0-only"], "LGPL-3.0-only AND MIT", True),
    ],
)
def test_what_is_allowed(words: list[str], licence: str, allowed: bool) -> None:
    assert LicenceAllowList.parse(words).allows(licence) == allowed


def test_what_is_no_licence_cannot_be_allowed() -> None:
    with pytest.raises(UsageError, match="'BSD' is not a licence expression"):
        LicenceAllowList.parse(["MIT", "BSD"])


def test_no_more_licence_files_are_read_than_a_project_has() -> None:
    names = [f"{number}/LICENSE" for number in range(MAX_LICENCE_FILES + 10)]
    assert [*find_licence_files(["a.py", *names])] == names[:MAX_LICENCE_FILES]
