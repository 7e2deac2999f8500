"""A file of a project is run in the sandbox, and tells what it does."""

import os
import venv
from pathlib import Path
from typing import Any

import pytest

from starcoder_cli.errors import InputError
from starcoder_cli.sandbox import Limits, behaviour
from starcoder_cli.sandbox.behaviour import (
    Behaviour,
    Trials,
    observe,
    read_behaviour,
    require_interpreter,
)
from starcoder_cli.sandbox.isolation import WORK_FOLDER
from starcoder_cli.sandbox.toolpaths import find_tool, find_tool_folders

pytestmark = pytest.mark.usefixtures("rung")
LIMITS = Limits(seconds=20.0, memory=2 << 30)


def run(folder: Path, text: str, language: str = "python", **trials: Any) -> Behaviour:
    """What a file of a project does."""
    project = folder / "project"
    project.mkdir(exist_ok=True)
    file = project / {"python": "mean.py", "javascript": "mean.js"}[language]
    file.write_text(text)
    for path in (project, file):
        path.chmod(0o755)
    return observe(
        language,
        project,
        Trials(str(file), "mean", str(project), (str(project),), **trials),
        LIMITS,
    )


MEAN = "def mean(values):\n    return sum(values) / len(values)\n"


def test_examples_statements_and_calls(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        MEAN,
        sessions=(">>> mean([1, 3])\n2.0\n>>> mean([1])\n2\n",),
        statements=("assert mean([4]) == 4", "assert mean([4]) == 5", "exit(0)"),
        calls=(("mean", "([1, 3],)"), ("mean", "([2],)"), ("mean", "([],)"), ("mean", "([2.0],)")),
    )
    assert (found.loaded, found.passed, found.failed, found.detail) == (True, 2, 3, "")
    assert found.outcomes[2] == "!ZeroDivisionError"
    assert found.outcomes[0] != found.outcomes[1]
    assert len(found.outcomes) == 4


def test_values_that_are_equal_have_one_name(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        "def give(at):\n"
        "    values = [1, 1.0, True, [1, 2], (1, 2), {2, 1}, {1, 2}, object(), object()]\n"
        "    return values[at.pop()]\n",
        calls=tuple(("give", f"([{at}],)") for at in range(9)),
    )
    one, float_one, true, a_list, a_tuple, set_one, set_two, thing, other = (
        found.outcomes[at] for at in range(9)
    )
    assert one == float_one == true
    assert a_list != a_tuple
    assert set_one == set_two
    assert thing == other


def test_a_file_with_many_trials_loses_none(tmp_path: Path) -> None:
    """More lines than were kept: the first, that the file was loaded, was lost."""
    calls = tuple(("mean", f"([{number}],)") for number in range(900))
    statements = ("assert mean([1]) == 1",) * 900
    found = run(tmp_path, MEAN, calls=calls, statements=statements)
    assert (found.loaded, found.passed, len(found.outcomes)) == (True, 900, 900)


def test_the_interpreter_of_an_environment_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it lies: below `/work` the sandbox's own folder hid it."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{environment / 'bin'}:{os.environ['PATH']}")
    find_tool.cache_clear()
    find_tool_folders.cache_clear()
    try:
        found = run(tmp_path, "import sys\n", statements=("assert sys.prefix != sys.base_prefix",))
    finally:
        find_tool.cache_clear()
        find_tool_folders.cache_clear()
    assert (found.loaded, found.passed, found.detail) == (True, 1, "")


def test_no_folder_of_a_user_is_hidden_by_that_of_the_sandbox() -> None:
    assert not Path(WORK_FOLDER).exists()


def test_what_does_not_end_is_ended(tmp_path: Path) -> None:
    text = "def forever(n):\n    while True:\n        pass\n"
    found = run(tmp_path, text, calls=(("forever", "(1,)"),) * 5, statements=("forever(1)",))
    assert (found.passed, found.failed) == (0, 1)
    assert found.outcomes == dict.fromkeys(range(3), "!TooSlowError")


def test_a_process_that_ends_has_told_what_was_before(tmp_path: Path) -> None:
    text = "import os\n\n\ndef leave(n):\n    n and os._exit(0)\n"
    found = run(tmp_path, text, calls=(("leave", "(0,)"), ("leave", "(1,)"), ("leave", "(0,)")))
    assert found.loaded
    assert list(found.outcomes) == [0]
    assert found.failed == 1, "it did not come to its end"


def test_a_file_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    found = run(tmp_path, "import no_such_module\n", calls=(("f", "(1,)"),))
    assert (found.loaded, dict(found.outcomes)) == (False, {})
    assert "no_such_module" in found.detail
    assert "SystemExit" in run(tmp_path, "raise SystemExit('bye')\n").detail


def test_it_prints_what_it_likes(tmp_path: Path) -> None:
    found = run(tmp_path, f"print('c 0 forged')\n{MEAN}", calls=(("mean", "([1],)"),))
    assert found.outcomes[0] != "forged"


def test_it_changes_nothing_and_reaches_nobody(tmp_path: Path) -> None:
    text = (
        "import pathlib, socket\n\n\ndef write(path):\n    pathlib.Path(path).write_text('x')\n\n\n"
        "def ask(port):\n    socket.create_connection(('127.0.0.1', port), 1)\n"
    )
    secret = tmp_path / "secret"
    secret.write_text("none of its business")
    found = run(
        tmp_path,
        text,
        calls=(
            ("write", repr((str(tmp_path / "project" / "mean.py"),))),
            ("ask", "(80,)"),
            ("open", repr((str(secret),))),
        ),
    )
    assert len(found.outcomes) == 3
    assert all(outcome.startswith("!") for outcome in found.outcomes.values())
    assert (tmp_path / "project" / "mean.py").read_text() == text


def test_tests_of_the_project_run_under_pytest(tmp_path: Path) -> None:
    if "No module" in run(tmp_path, "import pytest\n").detail:
        pytest.skip("the python3 on the PATH has no pytest")
    project = tmp_path / "project"
    tests = project / "test_mean.py"
    tests.write_text(
        "from mean import mean\n\n\ndef test_one():\n    assert mean([1, 3]) == 2\n\n\n"
        "def test_two():\n    assert mean([]) == 0\n"
    )
    tests.chmod(0o644)
    found = run(tmp_path, MEAN, tests=(str(tests),))
    assert (found.passed, found.failed) == (1, 1)


def test_a_test_that_cannot_run_keeps_no_other_from_it(tmp_path: Path) -> None:
    """Tests that cannot be collected, skips, and what the project's own options need."""
    if "No module" in run(tmp_path, "import pytest\n").detail:
        pytest.skip("the python3 on the PATH has no pytest")
    project = tmp_path / "project"
    (project / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--ff'\n")
    (project / "mean_test.py").write_text("import nothing_of_that_name\n")
    (project / "test_mean.py").write_text(
        "import pytest\nfrom mean import mean\n\n\n"
        "def test_one():\n    assert mean([1, 3]) == 2\n\n\n"
        "def test_two():\n    pytest.skip()\n\n\n"
        "@pytest.mark.xfail\ndef test_three():\n    assert 0\n"
    )
    for path in project.iterdir():
        path.chmod(0o644)
    tests = tuple(str(project / name) for name in ("mean_test.py", "test_mean.py"))
    found = run(tmp_path, MEAN, tests=tests)
    assert (found.passed, found.failed, found.tests_run) == (1, 0, 1)


def test_a_module_may_have_the_name_of_one_of_pythons(tmp_path: Path) -> None:
    for name in ("types", "random", "json"):
        file = tmp_path / f"{name}.py"
        file.write_text("def own(n):\n    return n\n")
        tmp_path.chmod(0o755)
        file.chmod(0o644)
        trials = Trials(str(file), name, str(tmp_path), (str(tmp_path),), statements=("own(1)",))
        assert observe("python", tmp_path, trials, LIMITS).passed == 1


def test_a_file_that_does_not_come_back_is_told(tmp_path: Path) -> None:
    found = run(tmp_path, "while True:\n    pass\n", load_seconds=0.5)
    assert (found.loaded, found.detail) == (False, "TooSlowError: ")


def test_javascript(tmp_path: Path) -> None:
    if not find_tool("node"):
        pytest.skip("node is not here")
    found = run(
        tmp_path,
        "export function twice(list) { return list.map((each) => 2 * each); }\n"
        "const slow = () => { for (;;) {} };\nconsole.assert(twice([1])[0] === 2);\n",
        "javascript",
        statements=(
            'require("node:assert").deepStrictEqual(twice([2]), [4])',
            'require("node:assert").deepStrictEqual(twice([2]), [5])',
        ),
        calls=(("twice", "[[1, 2]]"), ("twice", "[3]"), ("slow", "[]"), ("twice", "[[1, 2]]")),
    )
    assert (found.loaded, found.passed, found.failed) == (True, 2, 1)
    assert found.outcomes[0] == found.outcomes[3] != found.outcomes[1] == "!TypeError"
    assert found.outcomes[2].startswith("!")


def test_a_javascript_file_that_cannot_run_says_why(tmp_path: Path) -> None:
    if not find_tool("node"):
        pytest.skip("node is not here")
    found = run(tmp_path, "const x = ;\n", "javascript")
    assert not found.loaded
    assert "SyntaxError" in found.detail


def test_lines_of_no_form_are_passed_over() -> None:
    """The file can write there too: a number of 5000 digits ended the command with 70."""
    output = "hello\nl 0 1\ns 0 2 1\na x 1 0\na 0 0 1\nc one two\nc 7 abc\nt 0 1 0\n\x1b[31m"
    huge = "9" * 5000
    output += f"\nc {huge} x\ns 0 {huge} 1\nt 0 {huge}\nt 0 -1 2\nd 0 1"
    found = read_behaviour(output, "gone")
    assert found == Behaviour(True, 3, 2, 1, {7: "abc"}, "")
    assert read_behaviour("x 0 KeyError: 1", "crashed").detail == "KeyError: 1"
    assert read_behaviour("", "crashed").detail == "crashed"


def test_a_language_whose_interpreter_is_not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    require_interpreter("python")
    monkeypatch.setattr(behaviour, "find_tool", lambda name: None)
    with pytest.raises(InputError, match="python3"):
        require_interpreter("python")
