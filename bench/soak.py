"""A server under mixed requests, with clients that are killed or leave, and what remains of it.

    python bench/soak.py FILE [--requests N] [--clients N]

FILE is a GGUF file, or a model's name. Clients that are not killed or interrupted must get a whole
answer. The memory is what the server keeps resident, compared with that after the first fifth.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from starcoder_cli.net.daemon import find_socket, identify_listener

STARCODER = [sys.executable, "-m", "starcoder_cli"]
FILE = "".join(f"def step_{at}(value):\n    return value * {at}\n\n\n" for at in range(60))
SECONDS = 300


def main() -> None:
    """Ask, kill and count; exit with 1 if something was lost or left behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.update(XDG_RUNTIME_DIR=name, TMPDIR=name)
        places = [folder / f"{at}.py" for at in range(6)]
        for place in places:
            place.write_text(FILE, encoding="utf-8")
        request = partial(ask, options.model, places)
        begin, fifth = time.monotonic(), options.requests // 5
        server, outcomes = 0, Counter[str]()
        memory: list[int] = []
        for numbers in (range(fifth), range(fifth, options.requests)):
            with ThreadPoolExecutor(options.clients) as pool:
                outcomes.update(pool.map(request, numbers))
            path = find_socket()
            assert path
            assert server in (0, identify_listener(path).pid), "the server was replaced"
            server = identify_listener(path).pid
            memory.append(resident(server))
        busy = told(*STARCODER, "ps", "--json")
        subprocess.run([*STARCODER, "stop"], check=True, capture_output=True)
        folders = list(folder.glob("starcoder-llama-*"))
        left = [number for number in children(name) if number != os.getpid()]
        lost = {name: n for name, n in outcomes.items() if name not in ("whole", "killed", "left")}
    growth = memory[1] / memory[0] - 1
    print(f"\n## {options.requests} requests, {options.clients} at a time\n")
    print(f"{dict(outcomes)} in {time.monotonic() - begin:.0f} s; lost: {lost or 'nothing'}\n")
    print(f"memory of the server: {memory[0]} MiB, then {memory[1]} MiB ({growth:+.1%})\n")
    print(f"still answering: {[each['busy'] for each in busy]}; processes left: {left}; ", end="")
    print(f"folders left: {folders}")
    sys.exit(bool(lost or left or folders or growth > 0.05 or any(each["busy"] for each in busy)))


def ask(model: str, places: Sequence[Path], number: int) -> str:
    """Make one request of the mix, by its number; return how it ended."""
    chance = random.Random(number)
    place, line = chance.choice(places), chance.randrange(1, 240)
    fate = chance.choices(("whole", "killed", "left"), (6, 1, 1))[0]
    command = chance.choice(("fill", "complete"))
    tokens = chance.choice((1, 8, 32)) if fate == "whole" else 400
    words = [command, f"{place}:{line}", "-m", model, "--keep-alive", "1h", "--raw", "-q"]
    words += [
        "--max-tokens",
        str(tokens),
        *(["--seed", "1", "-n", "2"] if number % 25 == 3 else []),
    ]
    with subprocess.Popen(
        [*STARCODER, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        if fate != "whole":
            time.sleep(chance.uniform(0.0, 1.5))
            child.send_signal(signal.SIGKILL if fate == "killed" else signal.SIGINT)
            child.communicate(timeout=SECONDS)
            return fate
        _, errors = child.communicate(timeout=SECONDS)
        return "whole" if child.returncode == 0 else f"{child.returncode}: {errors.decode()[-200:]}"


def resident(process: int) -> int:
    """MiB that a process keeps in memory."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) >> 10


def told(*command: str) -> list[dict[str, int]]:
    """The JSON objects that a command prints, one per line."""
    out = subprocess.run(command, check=True, capture_output=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def children(folder: str) -> list[int]:
    """The processes that have a folder for their runtime, except those that have ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if folder.encode() in (path / "environ").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found


if __name__ == "__main__":
    main()
