"""Paths of a tree that lead into its copy, in a command for a shell."""

from pathlib import Path

import pytest

from repositories import lay
from starcoder_cli.candidates.relocation import relocate_command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with trees whose copy lacks an environment and what is ignored."""
    home, files = tmp_path / "home", {"a.py": "", "tests/test_a.py": ""}
    lay(tmp_path / "copy", files)
    for name in ("project", "my project"):
        lay(home / name, {**files, ".venv/bin/pytest": "", "ignored.json": ""})
        lay(home / f"{name}-other", files)
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cd '{root}' && pytest", "cd '{copy}' && pytest"),
        ('cd "{root}"; pytest', 'cd "{copy}"; pytest'),
        ('pytest "{root}/tests/test_a.py"', 'pytest "{copy}/tests/test_a.py"'),
        ("pytest '{root}/tests/test_a.py::test'", "pytest '{copy}/tests/test_a.py::test'"),
        ("X='{root}':'{root}/tests' pytest", "X='{copy}':'{copy}/tests' pytest"),
        ("pytest --rootdir='{root}'", "pytest --rootdir='{copy}'"),
        ("'{root}/.venv/bin/pytest' tests", "'{root}/.venv/bin/pytest' tests"),
        ("check '{root}/ignored.json'", "check '{root}/ignored.json'"),
        ("check '{root}-other/a.py'", "check '{root}-other/a.py'"),
        ("/usr/bin/env pytest tests/test_a.py", "/usr/bin/env pytest tests/test_a.py"),
        ("curl 'https:/{root}/a.py' x{root}", "curl 'https:/{root}/a.py' x{root}"),
    ],
)
@pytest.mark.parametrize("name", ["project", "my project"])
def test_paths_of_the_tree_in_a_command(text: str, expected: str, name: str, home: Path) -> None:
    root, copy = home / name, home.parent / "copy"
    moved = relocate_command(text.format(root=root), root, copy)
    assert moved == expected.format(root=root, copy=copy)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('sh "$HOME"/project/a.py', "sh {copy}/a.py"),
        ('cd "$HOME"/project && x', "cd {copy} && x"),
        ('sh "${{HOME}}"/project/tests/test_a.py; y', "sh {copy}/tests/test_a.py; y"),
        ("sh ~/'project'/a.py", "sh {copy}/a.py"),
        ('x --root="$HOME"/project', "x --root={copy}"),
        ('sh "$HOME/my link/a.py"', "sh {copy}/a.py"),
        ("sh -c 'cd \"$HOME\"/project && x'", "sh -c 'cd {copy} && x'"),
        ('sh "$HOME"/other/a.py', 'sh "$HOME"/other/a.py'),
        ("echo '$HOME'/project", "echo '$HOME'/project"),
        ("echo \"it's\" 'a b' c\\ d", "echo \"it's\" 'a b' c\\ d"),
    ],
)
def test_paths_that_are_quoted_in_part(text: str, expected: str, home: Path) -> None:
    """It was a bug that the user's own files were tested."""
    root, copy = home / "project", home.parent / "copy"
    (home / "my link").symlink_to(root)
    assert relocate_command(text.format(), root, copy) == expected.format(copy=copy)


def test_a_path_with_escaped_spaces(home: Path) -> None:
    root, copy = home / "my project", home.parent / "copy"
    named = str(root).replace(" ", "\\ ")
    assert relocate_command(f"sh {named}/a.py", root, copy) == f"sh {copy}/a.py"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("make -C{path}/tests", "make -C{copy}/tests"),
        ("cc -I {path} {path}/a.py", "cc -I {copy} {copy}/a.py"),
        ("(cd {path}&&pytest)", "(cd {copy}&&pytest)"),
        ("for f in {path}/tests/*.py; do x $f; done", "for f in {copy}/tests/*.py; do x $f; done"),
    ],
)
@pytest.mark.parametrize("path", ["{root}", "~/project", "$HOME/project", "${{HOME}}/project"])
def test_paths_without_quotes(text: str, expected: str, path: str, home: Path) -> None:
    root, copy = home / "project", home.parent / "copy"
    named = path.format(root=root)
    assert relocate_command(text.format(path=named), root, copy) == expected.format(copy=copy)


def test_a_link_to_the_tree(home: Path) -> None:
    root, copy = home / "project", home.parent / "copy"
    (home / "link").symlink_to(root)
    assert relocate_command(f"cd {home}/link && x", root, copy) == f"cd {copy} && x"
