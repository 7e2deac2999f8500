"""Which licence a file tells: its header, its text or its name, in real forms."""

import random

import pytest
from identify.vendor.licenses import LICENSES

from licence_texts import APACHE, MIT
from starcoder_cli.attribution.licences import (
    find_header_licence,
    identify_licence,
    is_licence_file,
    known_licences,
    normalize_licence,
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"# SPDX-License-Identifier: MIT\n", "MIT"),
        (
            b"/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */\n",
            "GPL-2.0-only WITH Linux-syscall-note",
        ),
        (b"<!-- SPDX-License-Identifier: (MIT OR Apache-2.0) -->", "MIT OR Apache-2.0"),
        (b"// SPDX-License-Identifier: nonsense here\n", ""),
        (b"x = 1\n" * 2000 + b"# SPDX-License-Identifier: MIT\n", ""),
        (b"", ""),
    ],
)
def test_the_header_of_a_file(data: bytes, expected: str) -> None:
    assert find_header_licence(data) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [(APACHE, "Apache-2.0"), (MIT, "MIT"), (b"Be nice.", ""), (b"", "")]
)
def test_a_text_is_known_or_not(text: bytes, expected: str) -> None:
    assert identify_licence(text) == expected


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3])
def test_a_few_other_words_make_no_other_licence(share: float) -> None:
    for name, words in known_licences():
        chance = random.Random(name)
        changed = ["Copyright (c) 2026 Somebody\n"]
        changed += [word if chance.random() >= share else "other" for word in words]
        found = identify_licence(" ".join(changed).encode())
        assert found == (normalize_licence(name) if share < 0.1 else ""), name


def test_a_text_that_is_far_too_long_is_no_licence() -> None:
    assert identify_licence(MIT * 100) == ""


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in ("LICENSE", "a/LICENCE.txt", "COPYING.LESSER", "license.md")),
        *((name, True) for name in ("LICENSE-MIT", "UNLICENSE", "LICENSES/MIT.txt")),
        *((name, False) for name in ("licenses.py", "licensing/a.py", "LICENSES/a.py", "a.txt")),
    ],
)
def test_the_names_of_licence_files(name: str, is_one: bool) -> None:
    assert is_licence_file(name) is is_one


@pytest.mark.parametrize("name", ["Apache-2.0", "GPL-3.0", "AGPL-3.0"])
def test_a_licence_has_its_name_without_its_appendix(name: str) -> None:
    """Many projects leave out how the licence is to be applied."""
    text = dict(LICENSES)[name]
    terms, end, appendix = text.partition("END OF TERMS AND CONDITIONS")
    assert appendix.strip()
    for part in (text, terms + end, terms):
        assert identify_licence(part.encode()) == normalize_licence(name)
    assert identify_licence(terms[: len(terms) // 2].encode()) == ""
