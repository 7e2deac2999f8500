"""Holes in a repository of one's own."""

from collections import Counter
from pathlib import Path

import pytest

from repositories import git, repository
from starcoder_cli.errors import InputError
from starcoder_cli.evaluation.holes import sample_problems

PYTHON = """\
import math


# A comment is no code to guess.
def area(radius):
    return math.pi * radius ** 2


def circumference(radius):
    total = 2 * math.pi
    return total * radius
"""
SCRIPT = """\
function greet(name) {
  const text = "Hello, " + name;
  return text.trim();
}
"""
FILES = {
    "shapes.py": PYTHON,
    "src/greet.js": SCRIPT,
    "README.md": "# A long line of prose that is no code\n",
    "data.json": '{"a long key": "a long value"}\n',
    ".gitignore": "ignored.py\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with code, prose, data, an ignored file and a secret."""
    folder = repository(tmp_path / "project", FILES)
    (folder / "ignored.py").write_text("def ignored():\n    return 'never read'\n")
    (folder / "untracked.py").write_text("def untracked():\n    return 'not yet added'\n")
    (folder / "credentials.py").write_text("def token():\n    return 'never read'\n")
    (folder / "keys.py").write_text('key = "AKIA' + "ABCDEFGHIJKLMNOP" + '"\nlast_line = key\n')
    return folder


def test_each_hole_is_the_authors_text_between_the_rest(project: Path) -> None:
    texts = {"shapes.py": PYTHON, "src/greet.js": SCRIPT}
    for problem in sample_problems(project, 0, 50, ()):
        name, _, line = problem.name.rpartition(":")
        if name in texts:
            assert problem.program(problem.reference) == texts[name]
            assert problem.prefix.count("\n") + 1 == int(line)
        assert problem.reference == problem.reference.strip() or problem.group == "line"


def test_what_git_ignores_and_what_looks_like_a_secret_is_left_out(project: Path) -> None:
    names = {problem.name.rpartition(":")[0] for problem in sample_problems(project, 0, 50, ())}
    assert names == {"shapes.py", "src/greet.js", "untracked.py"}


def test_every_kind_of_hole(project: Path) -> None:
    found = sample_problems(project, 0, 50, ())
    assert Counter(problem.group for problem in found) == {"line": 11, "span": 21, "body": 4}
    bodies = {problem.reference for problem in found if problem.group == "body"}
    assert 'const text = "Hello, " + name;\n  return text.trim();' in bodies
    assert "return math.pi * radius ** 2" in bodies
    assert not any("comment" in problem.reference for problem in found)
    assert {(problem.group, problem.lines) for problem in found} == {
        ("line", "one"),
        ("span", "one"),
        ("body", "block"),
    }


def test_the_same_seed_cuts_the_same_holes_and_a_larger_limit_more(project: Path) -> None:
    few, many = sample_problems(project, 1, 2, ()), sample_problems(project, 1, 3, ())
    assert few == sample_problems(project, 1, 2, ())
    assert many != sample_problems(project, 2, 3, ())
    for kind in ("line", "span", "body"):
        assert [each for each in few if each.group == kind] == [
            each for each in many if each.group == kind
        ][:2]


def test_one_language_alone(project: Path) -> None:
    found = sample_problems(project, 0, 50, ("javascript",))
    assert {problem.language for problem in found} == {"javascript"}


def test_a_folder_below_the_top_is_its_own_part(project: Path) -> None:
    assert {problem.language for problem in sample_problems(project / "src", 0, 9, ())} == {
        "javascript"
    }


def test_far_code_is_not_read_along(tmp_path: Path) -> None:
    text = "".join(f"value_{number} = function({number})\n" for number in range(3000))
    folder = repository(tmp_path / "long", {"long.py": text})
    for problem in sample_problems(folder, 0, 5, ()):
        assert len(problem.prefix) <= 6000
        assert len(problem.suffix) <= 2000
        assert problem.program(problem.reference) in text


def test_where_there_is_nothing_to_cut(tmp_path: Path) -> None:
    empty = repository(tmp_path / "empty", {"README.md": "prose\n"})
    with pytest.raises(InputError, match="has no code to cut gaps into"):
        sample_problems(empty, 0, 5, ())
    (tmp_path / "plain").mkdir()
    with pytest.raises(InputError, match="is not a git repository"):
        sample_problems(tmp_path / "plain", 0, 5, ())


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("outside = function_call(1)\n")
    folder = repository(tmp_path / "project", {"inside.py": "inside = function_call(2)\n"})
    (folder / "link.py").symlink_to("../outside.py")
    git(folder, "add", "-A")
    assert {
        problem.name for problem in sample_problems(folder, 0, 9, ()) if problem.group == "line"
    } == {"inside.py:1"}
