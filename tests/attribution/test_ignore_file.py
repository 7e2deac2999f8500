"""What `.starcoderignore` keeps out: the same as git does with these lines."""

import random
import subprocess
from pathlib import Path

import pytest

from repositories import lay, repository
from starcoder_cli.attribution.ignore_file import IgnoreRules, translate_pattern
from starcoder_cli.errors import MalformedError

NAMES = (
    *("a.py", "a.txt", "build/a.py", "sub/build/a.py", "sub/a.py", "sub/deep/a.py"),
    *("docs/a.py", "docs/b/c.py", "ab.py", "[x].py", "x.py", "#.py"),
    *("!a.py", "*", "a b/c.py", "a ", "a\\b.py", "é.py", "^.py", "]", "-.py", "_", "axyz/b.py"),
    *("A.py", "1.py", "a-b.py", "sub/#.py", "sub/!a.py", "a\tb.py", "docs/é/x.py"),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a file of each name."""
    folder = repository(tmp_path_factory.mktemp("ignore") / "repo", {})
    return lay(folder, dict.fromkeys(NAMES, ""))


@pytest.mark.parametrize(
    "lines",
    [
        *("*.py", "build", "build/", "/build", "sub/a.py", "/a.py", "a.py/", "sub/", "docs/**"),
        *(
            "**/a.py",
            "sub/**/a.py",
            "?.py",
            "[ab].py",
            "[!ab].py",
            "*\n!sub",
            "*.py\n!a.py",
        ),
        *("\\#.py", "\\!a.py", "\\*", "\\a.py", "a\\", "a\\ ", "a ", "a  \\ ", "a b/", " a", "a\t"),
        *(
            "[^a].py",
            "[!a-z].py",
            "[]]",
            "[]-a]",
            "[a",
            "[--a].py",
            "[a-].py",
            "[\\]]",
            "[a\\-b].py",
        ),
        *(
            "[[:alpha:]].py",
            "[[:digit:][:upper:]].py",
            "[[:bad:]].py",
            "[[:]",
            "[[:space:]]",
            "[/]",
        ),
        *("??.py", "?.py", "\xe9.py", "[é].py", "*/[!/]*.py", "a**/b.py", "\\a**/b.py", "sub/**"),
        *(
            "**/**/a.py",
            "**\\/a.py",
            "/**",
            "/**/b/",
            "***",
            "a/**/b",
            "//a.py",
            "a.py//",
            "/",
            "!",
        ),
        *("*\r\n!a.py\r\n", "*.py\x0b", "a.py\0b", "\ufeffa.py", "!a.py\n*.py", "sub\n!sub/a.py"),
        *("# nothing\n\n", "docs/*", "docs/*/c.py", "**", "*", "a*", "/*/a.py", "sub/deep"),
    ],
)
def test_lines_mean_what_they_mean_to_git(lines: str, root: Path) -> None:
    (root / ".gitignore").write_text(lines, newline="")
    ignore = IgnoreRules.parse(lines.encode())
    assert {name for name in NAMES if ignore.excludes(name)} == ignored(root)


TOKENS = (
    *("a", "b", "é", "*", "**", "**/", "/**", "/", "?", "[a-c]", "[^a]", "[!/]", "[]", "\\", "\\*"),
    *(" ", "\\ ", "#", "!", ".py", "sub", "docs/", "[[:alnum:]_]", "[[:punct:]]", "^", "-", "\t"),
)


@pytest.mark.parametrize("seed", range(30))
def test_any_lines_mean_what_they_mean_to_git(seed: int, root: Path) -> None:
    rng = random.Random(seed)
    texts = ["".join(rng.choices(TOKENS, k=rng.randint(1, 5))) for _ in range(3)]
    lines = "\n".join(texts).encode()
    (root / ".gitignore").write_bytes(lines)
    ignore = IgnoreRules.parse(lines)
    assert {name for name in NAMES if ignore.excludes(name)} == ignored(root), lines


def ignored(root: Path) -> set[str]:
    """Which of the names git ignores."""
    words = ("check-ignore", "--stdin", "--no-index", "-z", "-v")
    output = subprocess.run(
        ["git", "-C", root, *words], input="\0".join(NAMES).encode(), capture_output=True
    ).stdout.split(b"\0")
    found = zip(output[2::4], output[3::4], strict=False)
    return {name.decode() for pattern, name in found if not pattern.startswith(b"!")}


@pytest.mark.parametrize("data", [b"a\n" * 1001, b"a" * 70_000, b"*a*\n" * 999 + b"***"])
def test_more_than_anybody_writes_is_not_read_in_part(data: bytes) -> None:
    with pytest.raises(
        MalformedError, match="^it has more than (1000 lines|65536 bytes|2000 stars)"
    ):
        IgnoreRules.parse(data)


@pytest.mark.parametrize(
    "pattern",
    [
        b"**/" * 200 + b"*a*a*a*a*a*a*a*a*a*a*a*a*b",
        b"**/a*b/" * 100 + b"c",
        b"a**/" * 100 + b"b",
        b"[!b]*" * 200 + b"b",
    ],
)
def test_a_pattern_that_could_be_tried_in_many_ways_takes_no_time(pattern: bytes) -> None:
    ignore = IgnoreRules.parse(pattern + b"\n")
    assert not ignore.excludes("/".join(["a" * 200] * 50))


def test_a_class_is_written_as_ranges() -> None:
    ignore = IgnoreRules.parse(b"[!a]" * 500 + b"b\n")
    assert ignore.excludes("x" * 500 + "b") and not ignore.excludes("x" * 499 + "ab")
    assert translate_pattern(b"[!a]" * 500, False) == rb"[\x00-\x2e\x30-\x60\x62-\xff]" * 500


def test_lines_and_paths_that_are_made_to_take_long_are_given_up() -> None:
    ignore = IgnoreRules.parse(b"".join(b"**/z%d\n" % number for number in range(1000)))
    with pytest.raises(MalformedError, match="take too long"):
        ignore.excludes("a/" * 2000 + "x.py")


def test_many_files_in_one_folder_take_no_more_than_themselves() -> None:
    ignore = IgnoreRules.parse(b"".join(b"**/z%d\n" % number for number in range(200)))
    folder = "/".join(["folder"] * 20)
    assert not any(ignore.excludes(f"{folder}/{number}.py") for number in range(10_000))
