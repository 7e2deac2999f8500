"""What `.starcoderignore` keeps out: the same as git does with these lines."""

import subprocess
from pathlib import Path

import pytest

from repositories import lay, repository
from starcoder_cli.attribution.ignore_file import IgnoreRules

NAMES = (
    *("a.py", "a.txt", "build/a.py", "sub/build/a.py", "sub/a.py", "sub/deep/a.py"),
    *("docs/a.py", "docs/b/c.py", "ab.py", "[x].py", "x.py", "#.py"),
)


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
        *("# nothing\n\n", "docs/*", "docs/*/c.py", "**", "*", "a*", "/*/a.py", "sub/deep"),
    ],
)
def test_lines_mean_what_they_mean_to_git(lines: str, tmp_path: Path) -> None:
    repository(tmp_path / "repo", {})
    lay(tmp_path / "repo", {**dict.fromkeys(NAMES, ""), ".gitignore": lines})
    command = [
        "git",
        "-C",
        str(tmp_path / "repo"),
        "ls-files",
        "-z",
        "--others",
        "--exclude-standard",
    ]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    ignore = IgnoreRules.parse(lines.encode())
    assert [name for name in NAMES if not ignore.excludes(name)] == [
        name for name in NAMES if name in listed
    ]


def test_a_pattern_that_could_be_tried_in_many_ways_takes_no_time() -> None:
    ignore = IgnoreRules.parse(b"**/" * 200 + b"*a*a*a*a*a*a*a*a*a*a*a*a*b\n")
    assert not ignore.excludes("/".join(["a" * 200] * 50))
