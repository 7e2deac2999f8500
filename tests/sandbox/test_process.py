"""A sandboxed process: what it is given and told, who it is, and that nothing of it stays."""

import os
import pwd
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import leftovers
from confined import LIMITS, run_commands
from starcoder_cli.sandbox.inside.confine import Confinement
from starcoder_cli.sandbox.isolation import (
    DEVICE_PATHS,
    WORK_FOLDER,
    SandboxKind,
    readable_paths,
)
from starcoder_cli.sandbox.process import (
    HIGH_UID_START,
    INSIDE_PACKAGE,
    LOW_UID_START,
    UID_COUNT,
    ProcessRequirements,
    build_confinement,
    build_loader,
    home_variables,
    pick_unused_uid,
    run_in_sandbox,
)

ENVIRONMENT = """
echo "$HOME" "$TMPDIR" "$PATH" "$LANG" "$HF_TOKEN" "$STARCODER_SANDBOX"
pwd
echo text > "$TMPDIR/file" && echo writable
"""


def test_a_process_has_a_home_of_its_own_and_nothing_of_the_users(
    rung: SandboxKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    ran = run_commands(rung, ENVIRONMENT)
    told, folder, writable = ran.output.splitlines()
    assert (told, writable) == (
        f"{folder} {folder}/temporary /usr/local/bin:/usr/bin:/bin C.UTF-8  ",
        "writable",
    )
    assert ran.codes == [0]
    assert (folder == WORK_FOLDER) == (rung is SandboxKind.BUBBLEWRAP)
    assert rung is SandboxKind.BUBBLEWRAP or not Path(folder).exists()


def test_root_runs_programs_as_a_user_that_nobody_is(rung: SandboxKind) -> None:
    number = int(run_commands(rung, "id -u").output)
    if os.getuid():
        assert number == os.getuid()
    else:
        assert number >= LOW_UID_START
        with pytest.raises(KeyError):
            pwd.getpwuid(number)


def test_a_user_is_one_of_those_that_are_mapped_and_another_each_time() -> None:
    picked = {pick_unused_uid() for _ in range(20)}
    if os.getuid():
        assert picked == {None}
    else:
        ranges = [range(start, start + UID_COUNT) for start in (HIGH_UID_START, LOW_UID_START)]
        assert len(picked) > 1
        assert all(any(number in among for among in ranges) for number in picked)


def test_a_body_that_fails_leaves_no_process(rung: SandboxKind) -> None:
    """The job is one that would wait for ever."""
    requirements = ProcessRequirements(user=pick_unused_uid())
    payload = {
        "confinement": build_confinement(rung, LIMITS, requirements),
        "program": "while True:\n    pass\n",
        "reads": 0,
        "writes": 1,
    }
    modules = ("values", "channel", "candidate")
    with (
        pytest.raises(KeyError, match="a fault"),
        run_in_sandbox(rung, modules, payload, requirements) as process,
    ):
        assert process.poll() is None
        raise KeyError("a fault")
    assert process.returncode is not None
    assert process.stdout and process.stdout.closed
    assert leftovers.processes() == []


def test_a_process_that_ends_before_it_has_its_job_is_no_error(rung: SandboxKind) -> None:
    """Its job is larger than what a pipe holds; whoever reads what it says will see."""
    payload = {"none": "a" * (1 << 20)}
    with run_in_sandbox(rung, ("kernel",), payload, ProcessRequirements()) as process:
        assert process.stdout
        assert b"has no attribute 'main'" in process.stdout.read()


def test_the_loader_runs_the_last_module_and_finds_the_others() -> None:
    """Without this package, as in a sandbox; texts of modules have quotes and backslashes."""
    program = build_loader("kernel", "values").replace("module.main()", "")
    program += f"from {INSIDE_PACKAGE}.values import unpack\n"
    program += f"print(module.__name__, sys.modules['{INSIDE_PACKAGE}.kernel'].prctl.__name__)\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{INSIDE_PACKAGE}.values prctl\n"


def test_where_programs_look_for_what_is_theirs() -> None:
    assert home_variables("/place") == {"HOME": "/place", "TMPDIR": "/place/temporary"}


def test_what_bubblewrap_guards_is_not_guarded_again() -> None:
    requirements = ProcessRequirements(("/opt",), "/w", reserves_memory=True, user=7)
    assert build_confinement(SandboxKind.BUBBLEWRAP, LIMITS, requirements) == Confinement(
        seconds=LIMITS.seconds,
        memory=LIMITS.memory,
        reserves=True,
        processes=LIMITS.processes,
        user=7,
        shared=False,
        disk=LIMITS.disk,
        readable=["/"],
        writable=["/dev/null", "/w"],
        denied=["processes"],
        landlock=False,
    )


@pytest.mark.parametrize(("user", "shared"), [(7, False), (None, True)])
def test_without_bubblewrap_paths_are_named_and_attributes_denied(
    user: int | None, shared: bool, tmp_path: Path
) -> None:
    """Who stays the same user counts all processes of that user."""
    tools = (str(tmp_path),)
    requirements = ProcessRequirements(tools, starts_processes=True, user=user)
    assert build_confinement(SandboxKind.LANDLOCK, LIMITS, requirements) == Confinement(
        seconds=LIMITS.seconds,
        memory=LIMITS.memory,
        reserves=False,
        processes=LIMITS.processes,
        user=user,
        shared=shared,
        disk=LIMITS.disk,
        readable=[*readable_paths(tools), *DEVICE_PATHS],
        writable=["/dev/null"],
        denied=["attributes"],
        landlock=True,
    )


def test_processes_in_several_threads_are_independent(rung: SandboxKind) -> None:
    found: dict[int, str] = {}

    def work(number: int) -> None:
        found[number] = run_commands(rung, f"echo {number} > own; cat own").output

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"{number}\n" for number in range(3)}
