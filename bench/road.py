"""Which of our files one command passes through, and how often it moves between them.

    python bench/road.py fill -m echo examples/unique.go:13

The road begins at `app/answer.py` (what comes before is start-up, and options that become values)
and ends at the first byte of the answer. A move is a call from one of our files into another; what
runs at import does not count. The vocabulary that all files use (`model.py`, `stream.py`, ...) is
counted separately. `--all` counts from the first line of `cli.py` on instead.
"""

import os
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import starcoder_cli
from starcoder_cli.cli import main

ROOT = Path(starcoder_cli.__file__).parent
IMPORTED = "<module>"
BEGIN = "app/answer.py:run_answer"
WORDS = {
    "catalog.py",
    "errors.py",
    "languages.py",
    "loading.py",
    "model.py",
    "settings.py",
    "stream.py",
}


class Road:
    """The files that calls enter between two moments, in order, and the moves between them."""

    def __init__(self, begin: str) -> None:
        self.files: list[str] = []
        self.moves: Counter[tuple[str, str]] = Counter()
        self._begin = begin
        self._on = not begin
        self._importing = 0

    def watch(self, frame: FrameType, event: str, argument: object) -> None:
        """Python's profiler calls this at each call and each return."""
        code = frame.f_code
        ours = code.co_filename.startswith(f"{ROOT}{os.sep}")
        if ours and code.co_name == IMPORTED:
            self._importing += {"call": 1, "return": -1}.get(event, 0)
        if event != "call" or not ours or self._importing:
            return
        name = Path(code.co_filename).relative_to(ROOT).as_posix()
        self._on = self._on or f"{name}:{code.co_name}" == self._begin
        if not self._on:
            return
        if name not in self.files:
            self.files.append(name)
        caller = frame.f_back
        while caller and not caller.f_code.co_filename.startswith(f"{ROOT}{os.sep}"):
            caller = caller.f_back
        if caller:
            source = Path(caller.f_code.co_filename).relative_to(ROOT).as_posix()
            if source != name:
                self.moves[source, name] += 1

    def end(self) -> None:
        """Stop at the first byte."""
        sys.setprofile(None)


def travelled(words: list[str], *, everything: bool) -> Road:
    """The road of a command; what it prints is discarded."""
    road = Road("" if everything else BEGIN)

    class FirstByte:
        """Standard output that ends the road."""

        closed = False

        class buffer:
            """Its bytes."""

            @staticmethod
            def write(data: bytes) -> int:
                """Accept the bytes; the first ones end the road."""
                road.end()
                return len(data)

            @staticmethod
            def flush() -> None:
                """Nothing is buffered."""

        @staticmethod
        def isatty() -> bool:
            """It is not a terminal."""
            return False

    shown = sys.stdout
    setattr(sys, "stdout", FirstByte())  # noqa: B010 - as far as it is used
    sys.setprofile(road.watch)
    try:
        main(words)
    finally:
        sys.setprofile(None)
        sys.stdout = shown
    return road


if __name__ == "__main__":
    given = [word for word in sys.argv[1:] if word != "--all"]
    road = travelled(given, everything=len(given) != len(sys.argv) - 1)
    if not road.files:
        sys.exit(f"nothing went through {BEGIN}")
    own = [name for name in road.files if name not in WORDS]
    words = [name for name in road.files if name in WORDS]
    print(f"{len(own)} files and {len(words)} of words, {sum(road.moves.values())} moves")
    print(*own, sep="\n")
    print("words:", *words)
