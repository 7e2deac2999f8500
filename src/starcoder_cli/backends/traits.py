"""What is to be known of a prepared model before it is loaded."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from starcoder_cli.errors import DataError

FILE = "traits.json"


@dataclass(frozen=True)
class Traits:
    """The ids that end an answer, and how many rows its steps have on this machine."""

    ends: tuple[int, ...] = ()
    rows: int = 1

    @classmethod
    def read(cls, folder: Path) -> "Traits":
        """Those of a prepared folder; DataError where they are damaged."""
        try:
            values = json.loads((folder / FILE).read_bytes())
            return cls(tuple(map(int, values["ends"])), int(values["rows"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{folder / FILE} cannot be read: {error}", "use --engine llamacpp"
            ) from error

    def write(self, folder: Path) -> None:
        """Keep them in a prepared folder."""
        (folder / FILE).write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
