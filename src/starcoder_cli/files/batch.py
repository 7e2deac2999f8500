"""Many holes in one file: a line of JSON for each (jsonlines.org).

A line has `prefix` and `suffix`, or `place` as on the command line, and may have an `id` of any
type, `lang`, `filename`, `lines`, `max_tokens`, `seed` and `stop`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from starcoder_cli.errors import DataError, MalformedError, StarcoderError
from starcoder_cli.files.strict_json import parse_object
from starcoder_cli.settings import LineMode

MAX_BATCH_BYTES = 256 * 1024 * 1024
DIGEST_LENGTH = 16
TEXT_FIELDS = ("prefix", "suffix", "place", "lang", "filename")
RUN_INPUTS = ("model", "options")
ANSWER_INPUTS = ("line", "digest", "id", *RUN_INPUTS, "source")
TASK_FIELDS = ("id", *TEXT_FIELDS, "lines", "max_tokens", "seed", "stop")


@dataclass(frozen=True)
class BatchTask:
    """A hole: a place in a file, or the text around it; None means the command line's value."""

    place: str | None = None
    prefix: str = ""
    suffix: str = ""
    lang: str | None = None
    filename: str | None = None
    lines: LineMode | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None

    @classmethod
    def from_fields(cls, fields: Mapping[str, object]) -> "BatchTask":
        """Parse the fields of a line; raises DataError if they do not describe a task."""
        for name in fields:
            if name not in TASK_FIELDS:
                names = ", ".join(TASK_FIELDS)
                raise DataError(f"a gap has no field {name!r}", f"its fields are {names}")
        texts = {
            name: parse_text_field(name, fields[name]) for name in TEXT_FIELDS if name in fields
        }
        if ("place" in texts) == bool({"prefix", "suffix"} & texts.keys()):
            raise DataError("a gap has a place, or the text around it", "give one of the two")
        stop = fields.get("stop")
        stops = [stop] if isinstance(stop, str) else stop
        if stops is not None and not isinstance(stops, list):
            raise DataError("stop is not a text", "give one, or a list of them")
        stop_texts = (
            None if stops is None else tuple(parse_text_field("stop", value) for value in stops)
        )
        tokens, seed = (
            parse_integer_field(name, fields.get(name)) for name in ("max_tokens", "seed")
        )
        lines = parse_line_mode(fields.get("lines"))
        return cls(**texts, lines=lines, max_tokens=tokens, seed=seed, stop=stop_texts)


@dataclass(frozen=True)
class BatchLine:
    """A line of a file of holes: its number from 1, digest, `id`, and its task or error.

    `inputs` are what else its answer depends on: `model`, and digests of `options` and `source`.
    """

    number: int
    digest: str
    id: object
    task: BatchTask | StarcoderError
    inputs: Mapping[str, str] = field(default_factory=dict)

    def record(self) -> Mapping[str, object]:
        """The first fields of its answer's line."""
        fields = {"line": self.number, "digest": self.digest, **self.inputs}
        return fields if self.id is None else {**fields, "id": self.id}

    def difference(self, record: Mapping[str, object], names: Sequence[str] = ANSWER_INPUTS) -> str:
        """Why a record does not answer this line as it is now; empty if it does."""
        for name, value in self.record().items():
            if name not in names:
                continue
            if name not in record or record[name] != value:
                differences = {
                    "model": f"is an answer of {record.get(name)}, not of {value}",
                    "options": "was answered with other options",
                    "source": "is about other text than its files have now",
                }
                return differences.get(name, "is not the answer to a line of this batch")
        return ""


def parse_batch(data: bytes) -> list[BatchLine]:
    """Parse the lines of a file of holes, skipping blank ones; invalid lines are included."""
    rows = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [
        parse_batch_line(number, row.strip()) for number, row in enumerate(rows, 1) if row.strip()
    ]


def parse_batch_line(number: int, row: bytes) -> BatchLine:
    """Parse a line."""
    digest = compute_digest(row)
    try:
        fields = parse_object(row)
    except MalformedError as wrong:
        fault = DataError(
            f"this line does not describe a gap: {wrong}", "write one JSON object in a line"
        )
        return BatchLine(number, digest, None, fault)
    try:
        task: BatchTask | StarcoderError = BatchTask.from_fields(fields)
    except DataError as error:
        task = error
    return BatchLine(number, digest, fields.get("id"), task)


def compute_digest(data: bytes) -> str:
    """A short digest of some bytes."""
    return hashlib.sha256(data).hexdigest()[:DIGEST_LENGTH]


def parse_text_field(name: str, value: object) -> str:
    """Check a text field; raises DataError if it is not a text or has a lone surrogate."""
    if not isinstance(value, str):
        raise DataError(f"{name} is not a text", "put it between quotes")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = value[error.start]
        raise DataError(
            f"{name} has half a character in it ({half!a})", "write both halves, or neither"
        ) from error
    return value


def parse_integer_field(name: str, value: object) -> int | None:
    """Check an integer field, which may be null; raises DataError for anything else."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise DataError(f"{name} is not a whole number", "write it without quotes")
    return value


def parse_line_mode(value: object) -> LineMode | None:
    """Check a line mode, which may be null; raises DataError for anything else."""
    mode = next((choice for choice in get_args(LineMode) if choice == value), None)
    if value is not None and mode is None:
        raise DataError(
            f"lines cannot be {value!r}", f"give one of {', '.join(get_args(LineMode))}"
        )
    return mode
