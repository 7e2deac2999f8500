"""The problems of a benchmark, and what is known about their right answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from starcoder_cli.settings import LineMode


@dataclass(frozen=True)
class Problem:
    """A hole in a program, the author's solution, and code that tests it.

    `group` is the result row it counts in: its language, or a kind of hole. Without `tests` an
    answer is only compared with the author's. `entry_point` is the function under test. `imports`
    precede the program when it runs, but no model reads them.
    """

    name: str
    group: str
    language: str
    prefix: str
    suffix: str = ""
    reference: str = ""
    tests: str = ""
    imports: str = ""
    entry_point: str | None = None
    stop: tuple[str, ...] = ()
    filename: str | None = None
    lines: LineMode = "auto"

    def program(self, answer: str) -> str:
        """The whole program, with an answer in its hole."""
        return f"{self.imports}{self.prefix}{answer}{self.suffix}"

    def to_batch_line(self, max_tokens: int, seed: int | None) -> bytes:
        """Encode the problem as a line of a batch."""
        fields: Mapping[str, object] = {
            "id": self.name,
            "prefix": self.prefix,
            "suffix": self.suffix,
            "lang": self.language,
            "filename": self.filename,
            "lines": self.lines,
            "max_tokens": max_tokens,
            "seed": seed,
            "stop": list(self.stop),
        }
        present = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(present).encode()
