"""A command that runs with an answer in its place: what it sees, and that nothing of it stays."""

import os
import signal
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

from starcoder_cli.candidates.verify import (
    VerifyCommand,
    build_verify_environment,
    check_command,
    first_program,
)
from starcoder_cli.errors import InputError, TimeLimitError, UsageError
from starcoder_cli.files.worktree import WorkTree
from starcoder_cli.system.timing import time_limit


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module, from which a test runs."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "add.py").write_text("def add(a, b):\n    return a - b\n")
    monkeypatch.chdir(root)
    return root


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies are made, in a folder of the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def command(text: str, seconds: float = 60.0) -> VerifyCommand:
    """A command for `add.py` in the current folder."""
    return VerifyCommand(text, WorkTree.containing("add.py"), seconds)


def reading(text: str, seconds: float = 60.0) -> VerifyCommand:
    """A command that opens `add.py` first."""
    return command(f": < add.py\n{text}", seconds)


@pytest.mark.parametrize("name", [".python", "python", "tree", "sitecustomize.py"])
def test_a_repository_may_have_any_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    Path("add.py").write_text("")
    assert command(f"{sys.executable} -c 'import add; assert add.done'").passes(b"done = True\n")


def gone(process: int) -> bool:
    """Whether a process has ended, some time after it was killed."""
    for _ in range(200):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{process}/stat").exists():
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":
                return True
        time.sleep(0.02)
    return False


def numbers(file: Path, count: int) -> list[int]:
    """The numbers that some processes write into a file, as soon as all are there."""
    for _ in range(3000):
        if file.exists() and len(file.read_text().split()) == count:
            break
        time.sleep(0.01)
    return [int(number) for number in file.read_text().split()]


ESCAPES = {
    "session": "setsid sleep 600 & echo $! > $NUMBERS",
    "orphan": "(setsid sh -c 'echo $$ > $NUMBERS; exec sleep 600' &)",
    "daemon": "setsid sh -c '(trap \"\" TERM HUP INT; echo $$ > $NUMBERS; sleep 600) &'",
}


@pytest.mark.skipif(sys.platform != "linux", reason="a process can get away elsewhere")
@pytest.mark.parametrize("ends", [True, False], ids=["end", "time limit"])
@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_nothing_that_began_its_own_session_stays(
    escape: str, ends: bool, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "numbers"
    monkeypatch.setenv("NUMBERS", str(file))
    waiting = f"while ! [ -s {file} ]; do sleep 0.05; done"
    check = reading(f"{escape}; {waiting}{'' if ends else '; sleep 600'}", 60.0 if ends else 2.0)
    assert check.passes(b"") is ends
    assert gone(int(file.read_text()))


def test_it_passes_where_the_command_exits_with_0(project: Path, temporary: Path) -> None:
    check = command(f"{sys.executable} -c 'import add; assert add.add(1, 2) == 3'")
    assert check.passes(b"def add(a, b):\n    return a + b\n")
    assert not check.passes(b"def add(a, b):\n    return a * b\n")
    assert not check.passes(b"def add(a, b):\n    return a +\n")
    assert (project / "add.py").read_text() == "def add(a, b):\n    return a - b\n"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("place", ["cd '{root}' && ", "", "cd /; "])
def test_a_command_that_names_the_tree_checks_the_copy(place: str, project: Path) -> None:
    check = command(place.format(root=project) + f"grep -q 'a [+] b' '{project}/add.py'")
    assert check.passes(b"def add(a, b):\n    return a + b\n")
    assert not check.passes(b"def add(a, b):\n    return a * b\n")


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's alone")
def test_a_command_that_reads_the_file_itself_verifies_nothing(project: Path) -> None:
    """It passed with the file as it was, whatever the answer said."""
    (project / "where").write_text(str(project / "add.py"))
    check = command('grep -q "def add" "$(cat where)"')
    with pytest.raises(InputError, match="reads .*add.py itself, and not the copy"):
        check.passes(b"")
    assert not command('cat "$(cat where)"; false').passes(b"")


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's alone")
@pytest.mark.parametrize("text", ["true", "test -e add.py", "make -s -C {build}", "cat built"])
def test_a_command_that_passes_without_the_file_verifies_nothing(
    text: str, project: Path, tmp_path: Path
) -> None:
    """Such as one that tests what was built before."""
    build = tmp_path / "build"
    build.mkdir()
    (project / "built").touch()
    (build / "built").touch()
    os.utime(project / "add.py", (0, 0))
    (build / "Makefile").write_text(f"built: {project}/add.py\n\tfalse\n")
    with pytest.raises(InputError, match=r"the command passes without reading add\.py"):
        command(text.format(build=build)).passes(b"")
    assert reading(text.format(build=build)).passes(b"")
    assert not command("false").passes(b"")


def test_each_answer_has_a_copy_of_its_own(project: Path) -> None:
    check = reading("sh -c 'test ! -e left && touch left'")
    assert check.passes(b"")
    assert check.passes(b"")
    assert sorted(path.name for path in project.iterdir()) == ["add.py"]


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("true && false", False),
        ("false || true", True),
        ("false; true", True),
        ("true; false", False),
        ("! false", True),
        ("cat add.py | grep -q right", True),
        ("cat add.py | grep -q wrong", False),
        ("test -e '*.py'", False),
        ("test -e *.py", True),
        ("grep -q right < add.py > found; test ! -s found", True),
        ('test "$PWD" = "$(pwd)"', True),
        ('test "`cat add.py`" = right', True),
        ("test -d ~", True),
        ("X=right sh -c 'test $X = right'", True),
        ("cd . && [ -f add.py ]", True),
        ("(exit 3)", False),
        ("if grep -q right add.py\nthen exit 0\nelse exit 1\nfi", True),
        ("# a note\ntrue", True),
        ("sh nothing.sh", False),
        ("true; no-such-program", False),
    ],
)
def test_a_shell_reads_the_command(
    project: Path, monkeypatch: pytest.MonkeyPatch, text: str, passes: bool
) -> None:
    monkeypatch.setenv("HOME", str(project))
    check_command(text)
    assert reading(text).passes(b"right") is passes


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("pytest -q", "pytest"),
        ("A=1 B='x y' make test", "make"),
        ("../run.sh && x", "../run.sh"),
        ("", ""),
        (" \n", ""),
        ("# nothing", ""),
        ("A=1", ""),
        ("$PYTHON -m pytest", None),
        ("~/bin/check", None),
        ("(cd x; make)", None),
        ("> log make", None),
        ("cat <<x\nit's\nx\n", "cat"),
    ],
)
def test_the_program_that_a_command_begins_with(text: str, program: str | None) -> None:
    assert first_program(text) == program


@pytest.mark.parametrize("text", ["pytest 'x", "true &&", "(true", "if true", "true | | true"])
def test_what_no_shell_reads_is_refused_before_it_runs(text: str) -> None:
    with pytest.raises(UsageError, match="is not a command: .*; it is read as by `sh -c`"):
        check_command(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ", "the command to verify with is empty; name one, such as 'pytest -q'"),
        ("A=1", "the command to verify with is empty; name one, such as 'pytest -q'"),
        ("tr\0ue", "the command to verify with has a null character; remove it"),
        (
            "no-such-program -q | tail",
            "there is no command 'no-such-program'; verify with one that runs, such as 'pytest -q'",
        ),
        (
            "./no-such-file.sh",
            "there is no command './no-such-file.sh'; "
            "verify with one that runs, such as 'pytest -q'",
        ),
    ],
)
def test_what_is_no_command(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_command(text)
    assert str(caught.value) == message


def test_a_program_that_is_not_copied_cannot_run(project: Path, temporary: Path) -> None:
    (project / ".git").mkdir()
    program = project.parent / "outside.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    check_command("../outside.sh")
    with pytest.raises(InputError) as caught:
        command("../outside.sh").passes(b"")
    assert str(caught.value) == "cannot run ../outside.sh in a copy; is it in the repository?"
    assert list(temporary.iterdir()) == []


def test_its_last_lines_are_told_to_who_wants_them(project: Path) -> None:
    said: list[str] = []
    assert not command("sh -c 'seq 1000; echo \"\033[31mred\" >&2; exit 3'").passes(
        b"", said.append
    )
    assert said[-4:] == ["| 999", "| 1000", "| \033[31mred", "exit code 3"]
    assert len(said) == 11


def test_it_gets_no_input(project: Path) -> None:
    assert reading("sh -c 'test -z \"$(cat)\"'").passes(b"")


def test_a_command_that_takes_too_long_fails_and_is_killed(
    project: Path, temporary: Path, tmp_path: Path
) -> None:
    """What it started is killed as well, though it holds the pipe and ignores signals."""
    script = f"trap '' TERM INT HUP; sleep 600 & echo $! $$ > {tmp_path}/ids; wait"
    said: list[str] = []
    check = VerifyCommand(script, WorkTree.containing("add.py"), 3.0)
    assert not check.passes(b"", said.append)
    assert said == ["not done within 3 s"]
    assert all(gone(process) for process in numbers(tmp_path / "ids", 2))
    assert list(temporary.iterdir()) == []


def test_what_it_leaves_running_is_killed_too(project: Path, tmp_path: Path) -> None:
    assert reading(f"sh -c 'sleep 600 & echo $! > {tmp_path}/ids'").passes(b"")
    assert all(gone(process) for process in numbers(tmp_path / "ids", 1))


def test_ctrl_c_ends_it_and_removes_the_copy(
    project: Path, temporary: Path, tmp_path: Path
) -> None:
    ids = tmp_path / "ids"

    def interrupt() -> None:
        numbers(ids, 1)
        os.kill(os.getpid(), signal.SIGINT)

    check = command(f"sh -c 'echo $$ > {ids}; sleep 600'")
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        check.passes(b"")
    thread.join()
    assert all(gone(process) for process in numbers(ids, 1))
    assert list(temporary.iterdir()) == []


def test_the_limit_of_the_whole_command_ends_it_too(project: Path, temporary: Path) -> None:
    with pytest.raises(TimeLimitError), time_limit(1):
        command("sleep 600").passes(b"")
    assert list(temporary.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_removed(project: Path, temporary: Path) -> None:
    """As Go leaves its modules."""
    assert reading("sh -c 'mkdir -p a/b && touch a/b/c && chmod -R a-w a'").passes(b"")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "GITHUB_TOKEN",
        "OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "DB_PASSWORD",
        "SECRET_KEY_BASE",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "SSH_AUTH_SOCK",
        "DOCKER_AUTH_CONFIG",
        "AZURE_STORAGE_CONNECTION_STRING",
        "SLACK_WEBHOOK_URL",
        "STRIPE_SK",
        "GH_PAT",
        "npm_token",
        "GIT_DIR",
    ],
)
def test_secrets_are_not_passed_on(
    name: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "sentinel")
    assert reading("sh -c '! env | grep sentinel'").passes(b"")


def test_addresses_with_passwords_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me:sentinel@127.0.0.1/db")
    monkeypatch.setenv("GIT_ORIGIN", "https://sentinel@example.org/x")
    monkeypatch.setenv("TEAM_HOOK", "https://hooks.slack.com/" + "services/T0/B0/sentinel")
    monkeypatch.setenv("PLAIN_URL", "postgres://me@127.0.0.1:80/db")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    passed = build_verify_environment(WorkTree(Path("/project"), (), "a"), Path("/copy"))
    assert not {"DATABASE_URL", "GIT_ORIGIN", "TEAM_HOOK"} & passed.keys()
    assert (passed["PLAIN_URL"], passed["TOKENIZERS_PARALLELISM"]) == (
        "postgres://me@127.0.0.1:80/db",
        "false",
    )
    assert passed["PWD"] == "/copy"


@pytest.mark.parametrize(
    ("value", "relocated"),
    [
        ("{root}/bin:/usr/bin", "{copy}/bin:/usr/bin"),
        ("/usr/bin:{root}:{root}/bin/:", "/usr/bin:{copy}:{copy}/bin/:"),
        ("{root}/bin/../bin/tool", "{copy}/bin/tool"),
        ("{root}/bin/?.lua;;{root}/?/init.lua", "{copy}/bin/?.lua;;{copy}/?/init.lua"),
        ("{root}/bin/*:{root}/bin//", "{copy}/bin/*:{copy}/bin//"),
        ("{outside}/linked", "{copy}/bin"),
        *(
            (value, value)
            for value in (
                "{root}/untracked/bin:{root}/bin2:{root}x",
                "{root}/environment:{root}/environment/bin",
                "-I{root}/bin",
                "--require {root}/bin/tool",
                "file://{root}/bin",
                "{root}/bin {root}/bin",
                "{outside}:bin:.::/",
                "{root}/" + "x" * 5000,
            )
        ),
    ],
)
def test_paths_of_the_tree_are_those_of_the_copy_in_every_variable(
    value: str, relocated: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not in the copy stays, and a Python environment: it has no interpreter there."""
    copy = tmp_path / "copied"
    for folder in (project, copy):
        (folder / "environment" / "bin").mkdir(parents=True)
        (folder / "environment" / "pyvenv.cfg").write_text("")
        (folder / "bin").mkdir()
        (folder / "bin" / "tool").write_text("")
    (project / "untracked" / "bin").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(project / "bin")
    names = {"root": project, "copy": copy, "outside": tmp_path}
    monkeypatch.setenv("ANY_NAME", value.format(**names))
    monkeypatch.setenv("PWD", str(project / "bin"))
    passed = build_verify_environment(WorkTree.containing("add.py"), copy)
    assert passed["ANY_NAME"] == relocated.format(**names)
    assert passed["PWD"] == str(copy)


def test_a_program_on_the_path_is_that_of_the_copy(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As direnv's `PATH_add bin` puts it there: the user's own one passed for any answer."""
    program = project / "bin" / "check-it"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    check = VerifyCommand("check-it", WorkTree.containing("bin/check-it"), 60)
    assert check.passes(b"#!/bin/sh\nexit 0\n")
    assert not check.passes(b"#!/bin/sh\nexit 1\n")


@pytest.mark.parametrize("layout", ["src", "."])
def test_python_imports_from_the_copy_whatever_is_installed(
    layout: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editable installation put the user's own folder on the path: every answer was right."""
    (project / "pyproject.toml").write_text("")
    package = project / layout / "sums"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "add.py").write_text("RIGHT = True\n")
    (project / "test").mkdir()
    monkeypatch.setenv("PYTHONPATH", f"{project / layout}{os.pathsep}/elsewhere")
    script = "import os, sums.add; assert sums.add.RIGHT; assert '/elsewhere' in os.sys.path"
    (project / "test" / "test.py").write_text(script)
    tree = WorkTree.containing(str(package / "add.py"))
    check = VerifyCommand(f"{sys.executable} test/test.py", tree, 60)
    assert check.passes(b"RIGHT = True\n")
    assert not check.passes(b"RIGHT = False\n")


def environment_with(folder: Path, files: Mapping[str, str]) -> Path:
    """Python in an environment whose packages are these files."""
    venv.create(folder, symlinks=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for name, text in files.items():
        (packages / name).write_text(text)
    return folder / "bin" / "python"


FINDER = """
import importlib.util, os, sys
MAPPING = {{"sums": {package!r}}}
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in MAPPING:
            file = os.path.join(MAPPING[name], "__init__.py")
            return importlib.util.spec_from_file_location(name, file)
sys.meta_path.append(Finder)
"""


@pytest.mark.parametrize("has_finder", [False, True])
def test_an_editable_installation_of_any_layout_is_not_the_users(
    has_finder: bool, project: Path, tmp_path: Path
) -> None:
    package = project / "lib" / "sums"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("RIGHT = True\n")
    (project / "test.py").write_text("import sums; assert sums.RIGHT\n")
    if has_finder:
        finder = FINDER.format(package=str(package))
        files = {"editable.pth": "import editable_finder\n", "editable_finder.py": finder}
    else:
        files = {"editable.pth": f"{package.parent}\n"}
    python = environment_with(tmp_path / "venv", files)
    check = VerifyCommand(
        f"{python} test.py", WorkTree.containing(str(package / "__init__.py")), 60
    )
    assert check.passes(b"RIGHT = True\n")
    assert not check.passes(b"RIGHT = False\n")


def test_the_users_own_customization_of_python_runs_too(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import sys\nsys.customized = True\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    text = "import sitecustomize, sys; assert sys.customized"
    check = reading(f"{sys.executable} -c '{text}'")
    assert check.passes(b"")
    monkeypatch.delenv("PYTHONPATH")
    quiet = f"test -z \"$({sys.executable} -c 'pass' 2>&1)\""
    assert reading(quiet).passes(b"")
