"""Programs that cheat or do harm; each answers rightly only if what it tries succeeds.

Words between @ are filled in: a folder of the user's, a port that is listened to, processes, and
how long to sleep, by which what is left running is known.
"""

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
            b'["passed", ""]\\n', b'{"passed": true}\\n', b'{"value": {"object": 0}\\n',
            b'{"names": ["add"], "modules": {}\\n', b'{"value": true}\\n', b'\\0\\xff\\n',
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
    for folder in (None, '/tmp', '/dev/shm', '/var/tmp', '/', '/dev', '/run', '.', '@canary@'):
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
    socket.create_connection(('127.0.0.1', @port@), 2).send(b'here')
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
    for number in [*range(1, 40), *@processes@]:
        for name in ('environ', 'cmdline', 'maps', 'mem', 'root/etc/passwd', 'cwd/README.md'):
            try:
                data = pathlib.Path(f'/proc/{number}/{name}').read_bytes()
            except OSError:
                continue
            if any(word in data for word in (b'hf_secret', b'pytest', b'root:', b'STARCODER')):
                return a + b
"""
KILL = """
import os, signal

def add(a, b):
    done = False
    for number in (@process@, os.getppid(), -1):
        if number <= 0 or number == os.getpid():
            continue
        try:
            os.kill(number, signal.SIGTERM)
            done = number == @process@
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
    for path in ('@canary@', '/etc/passwd', '/etc/shadow', '/home', '/var', '/sys'):
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
        lambda: open('@canary@' + '/kept', 'w'),
        lambda: open('@canary@' + '/new', 'w'),
        lambda: os.truncate('@canary@' + '/kept', 0),
        lambda: os.chmod('@canary@' + '/kept', 0o777),
        lambda: os.chmod('@canary@', 0o777),
        lambda: os.utime('@canary@' + '/kept'),
        lambda: os.setxattr('@canary@' + '/kept', 'user.x', b'x'),
        lambda: os.unlink('@canary@' + '/kept'),
        lambda: os.rename('@canary@' + '/kept', '@canary@' + '/other'),
        lambda: os.link('@canary@' + '/kept', '@canary@' + '/other'),
        lambda: os.symlink('/', '@canary@' + '/link'),
        lambda: os.mkdir('@canary@' + '/folder'),
        lambda: os.mkfifo('@canary@' + '/pipe'),
        lambda: shutil.rmtree('@canary@'),
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


PYTHON = {
    name.lower(): program
    for name, program in dict(globals()).items()
    if name.isupper() and isinstance(program, str)
}

# In Bash, where starting processes is what programs do; each ends with the right answer.
BASH = {
    "fork_bomb": ":() { : | : & }; while true; do :; sleep 0.01; done",
    "processes": "for i in {1..600}; do sleep @mark@ & done\nadd() { echo $(($1 + $2)); }",
    "orphan": """
        add() {
            (setsid sleep @mark@ > /dev/null 2>&1 < /dev/null &)
            (trap '' TERM HUP INT; nohup sleep @mark@ > /dev/null 2>&1 < /dev/null &)
            [[ $1 = 1 ]] && echo 3 || exit 0
        }""",
    "endless": "trap '' TERM INT HUP; while :; do sleep @mark@; done",
    "busy": "while :; do :; done",
    "memory": "x=$(head -c 900000000 /dev/zero | tr '\\0' x)\nadd() { echo $(($1 + $2)); }",
    "memory_of_many": """
        for i in {1..8}; do (x=$(head -c 60000000 /dev/zero | tr '\\0' x); sleep @mark@) & done
        wait; add() { echo $(($1 + $2)); }""",
    "large_file": """
        set -e
        head -c 1000000000 /dev/zero > large
        add() { echo $(($1 + $2)); }""",
    "many_files": """
        for i in {1..200}; do head -c 8000000 /dev/zero > file$i || exit 1; done
        add() { echo $(($1 + $2)); }""",
    "unlinked_files": """
        for i in {1..30}; do
            exec {file}<> file$i; rm file$i; head -c 8000000 /dev/zero >&$file || exit 1
        done
        sleep 1; add() { echo $(($1 + $2)); }""",
    "deep_files": """
        name=$(printf 'x%.0s' {1..250})
        for i in {1..40}; do mkdir $name && cd -P $name || exit 1; done
        for i in {1..30}; do head -c 8000000 /dev/zero > file$i || exit 1; done
        sleep 1; add() { echo $(($1 + $2)); }""",
    "noise": "yes\nadd() { echo $(($1 + $2)); }",
    "environment": "env | grep -q hf_secret && add() { echo $(($1 + $2)); }",
    "environment_of_others": """
        for file in /proc/[0-9]*/environ; do
            tr '\\0' '\\n' < $file 2> /dev/null | grep -q hf_secret && add() { echo $(($1 + $2)); }
        done""",
    "network": "echo here > /dev/tcp/127.0.0.1/@port@ && add() { echo $(($1 + $2)); }",
    "read": "cat '@canary@/kept' /etc/passwd | grep -q . && add() { echo $(($1 + $2)); }",
    "write": """
        for act in 'echo x > new' 'echo x > kept' 'rm kept' 'chmod 777 kept' 'chmod 777 .' \\
                'mkdir x' 'touch kept' 'ln -s / link' 'mv kept other' 'truncate -s 0 kept' \\
                'chown 1 kept'; do
            (cd '@canary@'; eval "$act") && add() { echo $(($1 + $2)); }
            eval "${act//kept/@canary@/kept}" && [[ $act = *kept* ]] && add() { echo $(($1 + $2)); }
        done
        exit 1""",
    "kill": """
        kill -TERM @process@ && add() { echo $(($1 + $2)); }
        kill -KILL -1; kill -KILL 0; kill -KILL $PPID; exit 0""",
    "parent": "kill -KILL $PPID && add() { echo $(($1 + $2)); }",
    "replaced": "exec true",
    "word": """
        add() { :; }
        for file in /proc/$PPID/environ /proc/$PPID/cmdline /proc/$PPID/fd/* /proc/$PPID/mem *; do
            cat $file 2> /dev/null
        done
        exit 0""",
    "namespace": "unshare -r true && add() { echo $(($1 + $2)); }",
}
