"""What a project says of itself, in the files that packagers write."""

import pytest

from starcoder_cli.attribution.metadata import (
    MAX_VALUE_CHARACTERS,
    METADATA_PARSERS,
    ProjectMetadata,
    parse_metadata,
)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "METADATA",
            "Name: a\nVersion: 1\nLicense-Expression: MIT OR ISC\n\n",
            ProjectMetadata("a", "1", "MIT OR ISC"),
        ),
        (
            "PKG-INFO",
            "Name: a\nVersion: 1\nLicense: Apache 2.0\n"
            "Classifier: License :: OSI Approved :: Apache Software License\n\n",
            ProjectMetadata("a", "1", "Apache-2.0"),
        ),
        (
            "METADATA",
            "Name: a\nClassifier: License :: OSI Approved :: BSD License\n\n",
            ProjectMetadata("a"),
        ),
        (
            "pyproject.toml",
            "[project]\nname='a'\nversion='2'\nlicense='mit'\n",
            ProjectMetadata("a", "2", "MIT"),
        ),
        ("pyproject.toml", "[project]\nname='a'\nlicense={text='MIT'}\n", ProjectMetadata("a")),
        ("pyproject.toml", "[tool.x]\na=1\n", ProjectMetadata("")),
        ("pyproject.toml", "[project\n", ProjectMetadata("")),
        (
            "package.json",
            '{"name": "@a/b", "version": "1", "license": "ISC"}',
            ProjectMetadata("@a/b", "1", "ISC"),
        ),
        ("package.json", "[1]", ProjectMetadata("")),
        ("package.json", "[" * 100_000, ProjectMetadata("")),
        ("package.json", '{"name": {"a": 1}, "version": 3}', ProjectMetadata("")),
        (
            "Cargo.toml",
            "[package]\nname='a'\nversion='1'\nlicense='MIT OR Apache-2.0'\n",
            ProjectMetadata("a", "1", "MIT OR Apache-2.0"),
        ),
    ],
)
def test_what_a_project_says_of_itself(name: str, text: str, expected: ProjectMetadata) -> None:
    assert parse_metadata(name, text.encode()) == expected


@pytest.mark.parametrize(
    ("classifiers", "licence"),
    [
        (["OSI Approved :: MIT License"], "MIT"),
        (["OSI Approved :: MIT License", "OSI Approved :: ISC License (ISCL)"], "MIT OR ISC"),
        (["OSI Approved :: MIT License", "OSI Approved"], "MIT"),
        (["MIT Licence"], ""),
    ],
)
def test_classifiers_count_where_they_mean_one_licence(
    classifiers: list[str], licence: str
) -> None:
    lines = "".join(f"Classifier: License :: {name}\n" for name in classifiers)
    found = parse_metadata("PKG-INFO", f"Name: a\n{lines}\n".encode())
    assert found == ProjectMetadata("a", "", licence)


def test_an_expression_counts_before_other_fields() -> None:
    text = "Name: a\nLicense: MIT\nLicense-Expression: ISC\n\nLicense-Expression: MIT\n"
    assert parse_metadata("METADATA", text.encode()) == ProjectMetadata("a", "", "ISC")


@pytest.mark.parametrize("name", METADATA_PARSERS)
@pytest.mark.parametrize("data", [None, b"", b"\xff\xfe", b"{", b"null", b"[[[]]]", b"a" * 9999])
def test_whatever_a_file_holds_says_nothing_at_worst(name: str, data: bytes | None) -> None:
    assert parse_metadata(name, data) == ProjectMetadata("")


def test_a_name_is_one_short_line() -> None:
    text = f'{{"name": " a\\n b\\t{"c" * 300}", "version": "1\\r2"}}'
    assert parse_metadata("package.json", text.encode()) == ProjectMetadata(
        f"a b {'c' * (MAX_VALUE_CHARACTERS - 4)}", "1 2"
    )


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("pyproject.toml", b"a." * 50_000 + b"b = 1", "it has a key of more than 16 parts"),
        ("sub/Cargo.toml", b"x = " + b"[" * 100_000, "it is nested too deeply"),
        ("pyproject.toml", b"#" * (1 << 20), "it is larger than 256 KiB"),
        ("pyproject.toml", None, "it is not a regular file, or it is too large"),
        ("package.json", b"[" * 100_000, "it is nested too deeply"),
        ("package.json", b"[" + b"1" * 5_000 + b"]", "its JSON is broken"),
        ("package.json", b'"' + b"a" * (1 << 20) + b'"', "it is larger than 1 MiB"),
    ],
)
def test_what_would_take_too_much_is_passed_over_with_a_note(
    name: str, data: bytes | None, reason: str
) -> None:
    notes: list[str] = []
    assert parse_metadata(name, data, notes.append) == ProjectMetadata("")
    assert notes == [f"{name} does not count: {reason}"]


def test_half_a_character_in_a_name_is_none() -> None:
    text = b'{"name": "a\\ud800b", "version": "\\udce9"}'
    assert parse_metadata("package.json", text) == ProjectMetadata("a?b", "?")


def test_what_only_begins_with_headers_is_read_to_where_they_may_end() -> None:
    data = b"Name: a\nVersion: 1\n\n" + b"long\n" * 1_000_000
    assert parse_metadata("METADATA", data) == ProjectMetadata("a", "1")
