"""The files in examples/ are whole, and the demo points at the holes in them."""

import ast
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from starcoder_cli.files.batch import BatchTask, parse_batch
from starcoder_cli.files.source import Place, Source

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
DEMO = ROOT / "tools" / "demo.sh"
COMMANDS = re.findall(r"""^    (?:'(.*)'|"(.*)")$""", DEMO.read_text(), re.MULTILINE)
LINES = [single or double for single, double in COMMANDS]

# How to ask whether a compiler works here, and how to check a file with it.
COMPILERS = {
    "groups.js": ("node --version", "node --check"),
    "unique.go": ("go version", "gofmt -e"),
    "colour.rs": ("rustc --version", "rustc --crate-type lib --emit metadata -o checked"),
    "ring.c": ("cc --version", "cc -Wall -Wextra -Werror -Wno-unused -fsyntax-only"),
    "largest.sh": ("sh -c true", "sh -n"),
}


def test_python_example_parses() -> None:
    ast.parse((EXAMPLES / "averages.py").read_text())


def test_sql_example_runs() -> None:
    with sqlite3.connect(":memory:") as database:
        database.executescript((EXAMPLES / "orders.sql").read_text())


@pytest.mark.parametrize("name", COMPILERS)
def test_example_compiles(name: str, tmp_path: Path) -> None:
    probe, check = (command.split() for command in COMPILERS[name])
    if not shutil.which(probe[0]) or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip(f"{probe[0]} does not work here")
    done = subprocess.run([*check, EXAMPLES / name], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_example_is_tested() -> None:
    names = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    scripts = {"fill_holes.py"}  # in test_api.py
    assert names == {"averages.py", "holes.jsonl", "orders.sql", *COMPILERS, *scripts}


def test_each_example_of_a_hole_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    tasks = [line.task for line in parse_batch((EXAMPLES / "holes.jsonl").read_bytes())]
    assert [isinstance(task, BatchTask) for task in tasks] == [True, True]
    assert isinstance(tasks[0], BatchTask)
    source = Source.read("examples/averages.py")
    assert source.span_of(Place.parse(str(tasks[0].place)))


def test_demo_runs_all_three_commands_in_five_languages() -> None:
    words = " ".join(LINES).split()
    verbs = [verb for word, verb in zip(words, words[1:], strict=False) if word == "starcoder"]
    assert verbs == ["complete", "fill", "fill", "fill", "chat"]
    assert {Path(name).suffix for name in re.findall(r"examples/\w+\.\w+", " ".join(LINES))} == {
        ".py",
        ".js",
        ".go",
        ".rs",
        ".sql",
    }


HOLES = ("// TODO: put the item into its group", "append(kept, line)")


@pytest.mark.parametrize("line", [line for line in LINES if "fill examples/" in line])
def test_demo_fills_a_hole(line: str) -> None:
    place = Place.parse(str(ROOT / line.split()[2]))
    source = Source.read(place.path)
    hole = source.span_of(place)
    assert source.raw[hole.start : hole.end].strip() in HOLES


def test_demo_completes_at_an_empty_body() -> None:
    place = Place.parse(str(ROOT / LINES[0].split()[2]))
    source = Source.read(place.path)
    hole = source.hole_at(source.span_after(place))
    assert hole.prefix.endswith('"""') and hole.suffix.startswith("\n\n\ndef ")


def test_demo_puts_a_marker_into_the_method() -> None:
    text = (EXAMPLES / "colour.rs").read_text()
    assert "s/todo!()/<FILL>/" in LINES[3]
    assert Source("-", text).span_of_marker("todo!()")


@pytest.mark.parametrize("name", ["ring.c", "largest.sh", "unique.go", "orders.sql"])
def test_other_examples_have_one_hole(name: str) -> None:
    assert (EXAMPLES / name).read_text().count("TODO") == 1


def test_demo_fails_with_the_command_that_fails(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(DEMO, tmp_path / "tools")
    program = tmp_path / ".venv" / "bin" / "starcoder"
    program.parent.mkdir(parents=True)
    script = "[ $1 = stop ] && exit\nprintf 'written by %s' $1\n[ $1 = complete ] || exit 69\n"
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(0o755)
    done = subprocess.run(
        ["sh", tmp_path / "tools" / "demo.sh"], capture_output=True, text=True, cwd="/"
    )
    assert (done.returncode, done.stderr) == (69, "error: that command exited with status 69\n")
    assert done.stdout == (
        "\n# Python: write the body of a function\n"
        "$ starcoder complete examples/averages.py:10 --max-tokens 64\n"
        "written by complete\n"
        "\n# JavaScript: replace a line\n"
        "$ starcoder fill examples/groups.js:8 --max-tokens 64\n"
        "written by fill"
    )
