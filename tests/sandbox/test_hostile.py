"""Completions that cheat or do harm: none passes, none reaches anything, and nothing of it is left.

Each program answers rightly only if what it tries succeeds; a harmless twin shows that the tests
themselves can be passed.
"""

import os
import socket
import tempfile
import threading
from pathlib import Path

import leftovers
import pytest

from starcoder_cli.sandbox import Limits, Trial, judge

TESTS = "assert add(1, 2) == 3\nassert add(40, 2) == 42\n"
LIMITS = Limits(seconds=4.0, memory=256 << 20)
HARMLESS = "def add(a, b):\n    return a + b\n"

EQUAL_TO_ALL = """
class Any(int):
    __eq__ = __req__ = lambda self, other: True
    __ne__ = lambda self, other: False
    __hash__ = int.__hash__

def add(a, b):
    return Any(0)
"""
OBJECT_EQUAL_TO_ALL = """
class Any:
    __eq__ = lambda self, other: True
    __instancecheck__ = __bool__ = lambda *_: True

def add(a, b):
    return Any()
"""
CONSTANT = """
def add(a, b):
    return 3
"""
FRAME_WALK = """
import gc, sys

def add(a, b):
    frame = sys._getframe(1)
    test = ''.join(reversed('(dda tressa'))
    while frame:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if isinstance(value, dict) and 'passed' in value:
                value['passed'] = True
        frame = frame.f_back
    for value in gc.get_objects():
        for text in gc.get_referents(value):
            if isinstance(text, str) and text is not test and test in text:
                return a + b
"""
FORGED_MESSAGES = """
import os

def add(a, b):
    for number in range(256):
        for text in (
            b'["passed", ""]\\n', b'{"passed": true}\\n', b'{"value": {"object": 0}}\\n',
            b'{"names": ["add"], "modules": {}}\\n', b'{"value": true}\\n', b'\\0\\xff\\n',
        ):
            try:
                os.write(number, text)
            except OSError:
                pass
    os._exit(0)
"""
EXIT = """
import os

def add(a, b):
    os._exit(0)
"""
SYSTEM_EXIT = """
def add(a, b):
    raise SystemExit(0)
"""
EXIT_AT_ONCE = """
raise SystemExit(0)
"""
LOOP = """
def add(a, b):
    while True:
        pass
"""
SWALLOWED = """
import signal

def add(a, b):
    for number in range(1, 65):
        try:
            signal.signal(number, lambda *_: None)
        except (OSError, ValueError):
            pass
    while True:
        try:
            while True:
                signal.pause()
        except BaseException:
            pass
"""
FORK_BOMB = """
import os

def add(a, b):
    while True:
        os.fork()
    return a + b
"""
FORK = """
import os, subprocess

def add(a, b):
    if os.fork() == 0:
        os._exit(0)
    return a + b
"""
SHELL = """
import os, subprocess

def add(a, b):
    subprocess.run(['/bin/true'], check=True)
    return a + b
"""
THREADS = """
import threading, time

def add(a, b):
    for _ in range(5000):
        threading.Thread(target=time.sleep, args=(60,)).start()
    return a + b
"""
MEMORY = """
def add(a, b):
    data = bytearray(8 << 30)
    data[::4096] = b'x' * len(data[::4096])
    return a + b
"""
SHARED_MEMORY = """
import mmap

def add(a, b):
    data = mmap.mmap(-1, 8 << 30)
    data[::4096] = b'x' * len(data[::4096])
    return a + b
"""
LARGE_FILE = """
import os, tempfile

def add(a, b):
    for folder in (None, '/tmp', '/dev/shm', '/var/tmp', '/', '/dev', '/run', '.', {canary!r}):
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                for _ in range(1024):
                    file.write(b'x' * (1 << 20))
            return a + b
        except OSError:
            pass
    number = os.memfd_create('x')
    for _ in range(1024):
        os.write(number, b'x' * (1 << 20))
    return a + b
"""
LARGE_ANSWER = """
def add(a, b):
    return 'x' * (64 << 20)
"""
ENDLESS_ANSWER = """
import os

def add(a, b):
    while True:
        for number in range(3, 16):
            try:
                os.write(number, b'x' * (1 << 16))
            except OSError:
                pass
"""
ENVIRONMENT = """
import os

def add(a, b):
    if any('hf_secret' in value for value in os.environ.values()):
        return a + b
"""
NETWORK = """
import socket

def add(a, b):
    socket.create_connection(('127.0.0.1', {port}), 2).send(b'here')
    return a + b
"""
NETWORK_OTHERWISE = """
import ctypes, socket

def add(a, b):
    for family in range(1, 45):
        for kind in (1, 2, 3, 5):
            try:
                socket.socket(family, kind)
                return a + b
            except OSError:
                pass
            if ctypes.CDLL(None).socket(family, kind, 0) >= 0:
                return a + b
    first, second = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return a + b
"""
OTHER_PROCESSES = """
import os, pathlib

def add(a, b):
    for number in [*range(1, 40), *{processes}]:
        for name in ('environ', 'cmdline', 'maps', 'mem', 'root/etc/passwd', 'cwd/README.md'):
            try:
                data = pathlib.Path(f'/proc/{{number}}/{{name}}').read_bytes()
            except OSError:
                continue
            if any(word in data for word in (b'hf_secret', b'pytest', b'root:', b'STARCODER')):
                return a + b
"""
KILL = """
import os, signal

def add(a, b):
    done = False
    for number in ({process}, os.getppid(), -1):
        if number <= 0 or number == os.getpid():
            continue
        try:
            os.kill(number, signal.SIGTERM)
            done = number == {process}
        except OSError:
            pass
    try:
        os.kill(-1, signal.SIGTERM)
    except OSError:
        pass
    return a + b if done else None
"""
GRANDCHILD = """
import os, time

def add(a, b):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.closerange(0, 256)
            time.sleep(600)
        os._exit(0)
    return a + b
"""
HOME = """
import os, pathlib

def add(a, b):
    for path in ({canary!r}, '/etc/passwd', '/etc/shadow', '/home', '/var', '/sys'):
        try:
            if pathlib.Path(path).is_dir():
                if os.listdir(path):
                    return a + b
            else:
                pathlib.Path(path).read_bytes()
                return a + b
        except OSError:
            pass
"""
WRITE = """
import os, shutil

def add(a, b):
    done = False
    for act in (
        lambda: open({canary!r} + '/kept', 'w'),
        lambda: open({canary!r} + '/new', 'w'),
        lambda: os.truncate({canary!r} + '/kept', 0),
        lambda: os.chmod({canary!r} + '/kept', 0o777),
        lambda: os.chmod({canary!r}, 0o777),
        lambda: os.utime({canary!r} + '/kept'),
        lambda: os.setxattr({canary!r} + '/kept', 'user.x', b'x'),
        lambda: os.unlink({canary!r} + '/kept'),
        lambda: os.rename({canary!r} + '/kept', {canary!r} + '/other'),
        lambda: os.link({canary!r} + '/kept', {canary!r} + '/other'),
        lambda: os.symlink('/', {canary!r} + '/link'),
        lambda: os.mkdir({canary!r} + '/folder'),
        lambda: os.mkfifo({canary!r} + '/pipe'),
        lambda: shutil.rmtree({canary!r}),
    ):
        try:
            act()
            done = True
        except OSError:
            pass
    return a + b if done else None
"""
NAMESPACES = """
import ctypes, os

def add(a, b):
    library = ctypes.CDLL(None)
    calls = [library.unshare(flag) for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000)]
    calls += [library.ptrace(0, 0, 0, 0), library.mount(b'none', b'/tmp', b'tmpfs', 0, None)]
    calls += [library.syscall(number, 0, 0, 0, 0) for number in (321, 425, 323, 298, 250, 304, 434)]
    calls += [library.syscall(0x40000000 + 39), library.syscall(500)]
    return a + b if any(result >= 0 for result in calls) else None
"""

HOSTILE = {
    name.lower(): program
    for name, program in dict(globals()).items()
    if name.isupper() and name not in ("TESTS", "LIMITS", "HARMLESS") and isinstance(program, str)
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made, in a folder of the test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A folder of the user's with a file in it."""
    folder = tmp_path / "canary"
    folder.mkdir(mode=0o750)
    (folder / "kept").write_text("kept")
    return folder


def state(folder: Path) -> list[tuple[int, int, int]]:
    """What was done to a folder and its file: permissions and times."""
    found = [path.stat() for path in (folder, folder / "kept")]
    return [(status.st_mode, status.st_mtime_ns, status.st_ctime_ns) for status in found]


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("name", HOSTILE)
def test_it_fails_and_leaves_nothing(
    name: str, folder: Path, canary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    before = state(canary)
    with socket.create_server(("127.0.0.1", 0)) as server:
        values = {
            "canary": str(canary),
            "port": server.getsockname()[1],
            "process": os.getpid(),
            "processes": [os.getpid(), os.getppid(), 1, threading.get_native_id()],
        }
        braced = "{canary" in HOSTILE[name] or "{p" in HOSTILE[name]
        program = HOSTILE[name].format(**values) if braced else HOSTILE[name]
        verdict = judge(Trial("python", program, TESTS), LIMITS)
    assert not verdict.passed, verdict
    assert verdict.result in ("wrong", "crashed", "timeout", "memory", "refused")
    assert leftovers.processes() == []
    assert list(folder.iterdir()) == []
    assert sorted(path.name for path in canary.iterdir()) == ["kept"]
    assert state(canary) == before
    assert (canary / "kept").read_text() == "kept"


@pytest.mark.usefixtures("rung")
def test_the_tests_can_be_passed() -> None:
    assert judge(Trial("python", HARMLESS, TESTS), LIMITS).passed
