"""What is gathered from a project, and what of it comes first."""

import os
import time
from pathlib import Path

from growth import grows_linearly
from repositories import lay, repository
from starcoder_cli import languages
from starcoder_cli.context.gather import (
    MAX_REFERENCE_CHARACTERS,
    find_recent_files,
    find_used_definitions,
    gather_snippets,
    read_references,
)
from starcoder_cli.context.project import ProjectFiles
from starcoder_cli.model import Hole

PLENTY = 60.0
MONEY = "class Money:\n    amount: int\n\n\ndef rounded(money):\n    return money\n"
HOLE = Hole("from shop.money import Money\n\n\ndef total(prices):\n    x = Money(", ")\n")


def found(root: Path, hole: Hole = HOLE, own: str = "shop/a.py", lang: str = "python") -> list[str]:
    """What is gathered, as `file:lines`."""
    snippets = gather_snippets(
        ProjectFiles.for_file(str(root / own), PLENTY), hole, languages.find_language(lang)
    )
    return [f"{snippet.path}:{snippet.line_range}" for snippet in snippets]


def test_definitions_of_what_is_used_come_first_then_what_imports_offer(tmp_path: Path) -> None:
    root = repository(
        tmp_path / "r",
        {
            "shop/a.py": "",
            "shop/money.py": MONEY,
            "shop/other.py": "def prices():\n    pass\n\n\ndef unused():\n    pass\n",
            "shop/notes.txt": "class Money:\n",
        },
    )
    hole = Hole("from shop.money import Money\nx = prices(Money", ")")
    assert found(root, hole) == ["shop/money.py:1-2", "shop/other.py:1-2"]
    outlined = Hole("from shop.money import *\nx = 1\n")
    assert found(root, outlined) == ["shop/money.py:1-5"]


def test_what_the_file_defines_itself_is_not_looked_for(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"a.py": "", "b.py": "def total():\n    pass\n"})
    assert found(root, Hole("total("), "a.py") == ["b.py:1-2"]
    assert found(root, Hole("def total(): ...\ntotal("), "a.py") == []


def test_a_name_that_many_files_define_counts_only_where_it_is_imported(tmp_path: Path) -> None:
    files = {f"{name}.py": "def run():\n    pass\n" for name in "bcde"}
    root = repository(tmp_path / "r", {"a.py": "", **files})
    assert found(root, Hole("run("), "a.py") == []
    assert found(root, Hole("from c import run\nrun("), "a.py") == ["c.py:1-2"]


def test_a_name_that_is_defined_over_and_over_takes_time_in_proportion(tmp_path: Path) -> None:
    path = tmp_path / "b.py"

    def look(text: str) -> None:
        path.write_text(text)
        project = ProjectFiles(tmp_path, "a.py", frozenset({"b.py"}), time.monotonic() + PLENTY)
        list(find_used_definitions(project, ["b.py"], "python", {"run": 1.0}, frozenset()))

    assert grows_linearly(look, "", "def run():\n", 12_000)


def test_other_languages_count_if_they_are_kin(tmp_path: Path) -> None:
    root = repository(
        tmp_path / "r",
        {"a.cpp": "", "ring.h": "struct ring_t {\n};\n", "ring.py": "class ring_t:\n    x = 1\n"},
    )
    assert found(root, Hole("ring_t r = "), "a.cpp", "cpp") == ["ring.h:1-2"]
    assert found(root, Hole("ring_t r = "), "a.txt", "text") == []


def test_secrets_are_named_and_not_gathered(tmp_path: Path) -> None:
    root = repository(
        tmp_path / "r",
        {
            "shop/a.py": "",
            "shop/money.py": f"{MONEY}API_KEY = 'aB3dE5fG7hJ9kL1m'\n",
            "shop/credentials.py": MONEY,
        },
    )
    project = ProjectFiles.for_file(str(root / "shop/a.py"), PLENTY)
    assert gather_snippets(project, HOLE, languages.find_language("python")) == ()
    assert project.exclusion_reasons == {
        "shop/money.py": "it looks as if it held a secret",
        "shop/credentials.py": "its name is that of a file with secrets",
    }


def test_what_git_ignores_is_not_gathered(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"shop/a.py": "", ".gitignore": "money.py\n"})
    lay(root, {"shop/money.py": MONEY})
    assert found(root) == []


def test_parts_of_changed_files_that_are_alike(tmp_path: Path) -> None:
    text = "alpha = 1\nbeta = 2\ngamma = 3\n"
    root = repository(tmp_path / "r", {"a.py": "", "b.py": text})
    lay(root, {"new.py": "", "elsewhere.py": text})
    hole = Hole("print(alpha, beta, gamma, ")
    assert found(root, hole, "a.py") == ["b.py:1-3"]
    os.utime(root / "elsewhere.py")
    assert found(root, hole, "a.py") == ["elsewhere.py:1-3", "b.py:1-3"]


def test_without_a_repository_the_files_beside_it(tmp_path: Path) -> None:
    lay(tmp_path, {"up.py": MONEY, "f/a.py": "", "f/money.py": MONEY, "f/sub/money.py": MONEY})
    assert found(tmp_path, own="f/a.py") == ["money.py:1-2"]


def test_no_time_nothing_gathered(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {"shop/a.py": "", "shop/money.py": MONEY})
    late = ProjectFiles(root, "shop/a.py", frozenset({"shop/a.py", "shop/money.py"}), deadline=0.0)
    assert gather_snippets(late, HOLE, languages.find_language("python")) == ()


# Files that changed lately


def test_edited_files_come_first_and_a_checkout_is_no_edit(tmp_path: Path) -> None:
    root = repository(tmp_path / "r", {f"{name}.py": "" for name in "abcdefghij"})
    now = time.time()
    for name, when in (("b", now - 60), ("c", now - 30), ("d", now - 90_000), ("e", now + 60)):
        os.utime(root / f"{name}.py", (when, when))
    for name in "fghij":
        os.utime(root / f"{name}.py", (now - 600, now - 600))
    project = ProjectFiles.for_file(str(root / "a.py"), PLENTY)
    paths = [f"{name}.py" for name in "bcdefghij"]
    assert find_recent_files(project, paths, now) == (
        "c.py",
        "b.py",
        "d.py",
        "e.py",
        "f.py",
        "g.py",
    )
    plain = ProjectFiles(root, "a.py", project.paths, project.deadline, is_repository=False)
    assert find_recent_files(plain, paths, now) == ("c.py", "b.py")


def test_whole_files_are_references_as_long_as_they_are_not_too_much(tmp_path: Path) -> None:
    long = "def prices():\n    pass\n" + "# \n" * (MAX_REFERENCE_CHARACTERS // 3)
    files = {
        "shop/a.py": "",
        "shop/money.py": MONEY,
        "shop/long.py": long,
        "shop/other.py": "x = 1\n",
    }
    root = repository(tmp_path / "r", files)
    project = ProjectFiles.for_file(str(root / "shop/a.py"), PLENTY)
    hole = Hole("from shop.money import *\nx = prices(Money", ")")
    snippets = gather_snippets(project, hole, languages.find_language("python"))
    assert {snippet.path for snippet in snippets} == {"shop/money.py", "shop/long.py"}
    assert read_references(project, snippets) == (MONEY,)
    assert read_references(project, ()) == ()
