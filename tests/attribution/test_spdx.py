"""The notice of what a file shares, as SPDX's own tools read it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from starcoder_cli import __version__
from starcoder_cli.attribution.matches import Match, Origin
from starcoder_cli.attribution.spdx import SpdxDocument, serialize_document
from starcoder_cli.files.source import Source

TEXT = "é = 1\nb = 2\nc = 3\n"
# The validator prints nothing where all is well; a process of its own keeps its warnings away.
VALIDATE = """
import json, sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

document = parse_file(sys.argv[1])
for wrong in validate_full_spdx_document(document, "SPDX-2.3"):
    print(wrong.validation_message)
print(json.dumps([
    [each.byte_range, each.line_range, each.comment] for each in document.snippets
]))
print(json.dumps([
    [each.name, each.version, str(each.license_declared)] for each in document.packages
]))
print(json.dumps([
    [each.spdx_element_id, each.relationship_type.name, each.comment]
    for each in document.relationships
]))
"""


def origin(project: str, licence: str, path: str = "a.py", version: str = "1.0") -> Origin:
    """A place in a project."""
    return Origin(project, version, path, 3, 5, licence, 30, f"/somewhere/{project}")


def match(start: int, end: int, *origins: Origin, more: int = 0) -> Match:
    """A part of a text."""
    return Match(start, end, 1, 1, 30, origins, more, ())


MATCHES = (
    match(0, 11, origin("one", "MIT"), origin("one", "MIT", "b.py"), origin("two", "", version="")),
    match(6, 17, origin("three", "GPL-2.0-only WITH Classpath-exception-2.0 OR LicenseRef-own")),
    match(12, 17, origin("one", "Apache-2.0"), more=7),
)
HOSTILE = match(
    0,
    5,
    origin(
        "x\nPackageName: y</text>\x1b[31m", "MIT\nPackageName: z", "<text>p\nRelationship: a b c"
    ),
)


@pytest.fixture(autouse=True)
def day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one each time."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.fixture(params=["notice.spdx", "notice.spdx.json"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file for each form."""
    return tmp_path / str(request.param)


def read(path: Path, source: Source, *matches: Match, start: int = 0) -> list[Any]:
    """What the validator has against a notice, its snippets, packages and relationships."""
    path.write_bytes(
        serialize_document(SpdxDocument.from_matches(source, start, matches), str(path))
    )
    done = subprocess.run(
        [sys.executable, "-c", VALIDATE, path], capture_output=True, check=True, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line != "Generating LALR tables"]
    return [lines[:-3], *map(json.loads, lines[-3:])]


def test_a_notice_is_valid_and_says_the_same_in_both_forms(path: Path) -> None:
    same = "Other code has the same tokens in a row"
    assert read(path, Source("src/a.py", TEXT), *MATCHES) == [
        [],
        [
            [[1, 12], [1, 2], f"{same}."],
            [[8, 18], [2, 3], f"{same}."],
            [[14, 18], [3, 3], f"{same}, and 7 places not named."],
        ],
        [
            ["one", "1.0", "MIT"],
            ["two", None, "NOASSERTION"],
            ["three", "1.0", "GPL-2.0-only WITH Classpath-exception-2.0 OR LicenseRef-own"],
            ["one", "1.0", "Apache-2.0"],
        ],
        [
            ["SPDXRef-DOCUMENT", "DESCRIBES", None],
            ["SPDXRef-Snippet-1", "VARIANT_OF", "a.py:3-5, b.py:3-5"],
            ["SPDXRef-Snippet-1", "VARIANT_OF", "a.py:3-5"],
            ["SPDXRef-Snippet-2", "VARIANT_OF", "a.py:3-5"],
            ["SPDXRef-Snippet-3", "VARIANT_OF", "a.py:3-5"],
        ],
    ]


def test_places_count_from_the_range_that_was_asked_about(path: Path) -> None:
    found = read(path, Source("a.py", TEXT), match(0, 5, origin("one", "MIT")), start=6)
    assert (found[0], found[1][0][:2]) == ([], [[8, 12], [2, 2]])


def test_a_file_that_shares_nothing(path: Path) -> None:
    found = read(path, Source("-", ""))
    assert found == [[], [], [], [["SPDXRef-DOCUMENT", "DESCRIBES", None]]]


def test_an_index_cannot_write_into_a_notice_what_it_likes(path: Path) -> None:
    assert read(path, Source("a\nb.py", TEXT), HOSTILE) == [
        [],
        [[[1, 6], [1, 1], "Other code has the same tokens in a row."]],
        [["x PackageName: y␛[31m", "1.0", "NOASSERTION"]],
        [
            ["SPDXRef-DOCUMENT", "DESCRIBES", None],
            ["SPDXRef-Snippet-1", "VARIANT_OF", "p Relationship: a b c:3-5"],
        ],
    ]


def test_the_beginning_of_a_notice() -> None:
    text = serialize_document(
        SpdxDocument.from_matches(Source("src/a.py", TEXT), 0, ()), "notice"
    ).decode()
    data = TEXT.encode()
    *_, namespace = [line for line in text.splitlines() if line.startswith("DocumentNamespace")]
    assert text == (
        "SPDXVersion: SPDX-2.3\n"
        "DataLicense: CC0-1.0\n"
        "SPDXID: SPDXRef-DOCUMENT\n"
        "DocumentName: ./src/a.py\n"
        f"{namespace}\n"
        f"Creator: Tool: starcoder-{__version__}\n"
        "Created: 2023-11-14T22:13:20Z\n"
        "\n"
        "FileName: ./src/a.py\n"
        "SPDXID: SPDXRef-File\n"
        f"FileChecksum: SHA1: {hashlib.sha1(data).hexdigest()}\n"
        f"FileChecksum: SHA256: {hashlib.sha256(data).hexdigest()}\n"
        "LicenseConcluded: NOASSERTION\n"
        "FileCopyrightText: NOASSERTION\n"
        "\n"
        "Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-File\n"
    )


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("a.py", "./a.py"),
        ("src/a.py", "./src/a.py"),
        ("/home/somebody/a.py", "./a.py"),
        ("../other/a.py", "./a.py"),
        ("-", "./standard-input"),
    ],
)
def test_a_notice_does_not_tell_where_a_home_is(name: str, called: str) -> None:
    assert SpdxDocument.from_matches(Source(name, ""), 0, ()).name == called
