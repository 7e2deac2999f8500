"""The file of answers to a file of holes: a line of JSON for each (jsonlines.org).

A line starts with the number of the line it answers and the inputs of the answer, and ends with a
checksum, so that an interrupted run can be resumed, and only from its own file. A failed hole is
asked again: its answer is appended, and moved into place when the run is done.
"""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from starcoder_cli.errors import BusyError, CreateError, DataError, WriteError
from starcoder_cli.files.batch import DIGEST_LENGTH, RUN_INPUTS, BatchLine, compute_digest
from starcoder_cli.files.save import NOT_A_FILE_ERRNOS, SaveTarget, creation_error
from starcoder_cli.system.file_lock import try_lock

ANSWER_LINE_START = b'{"line": '
FIRST_FIELDS = re.compile(rb'{"line": [1-9][0-9]*, "digest": "[0-9a-f]{%d}"' % DIGEST_LENGTH)
"""The start of every record; another program's file could begin with a part of it."""

CHECKSUM_START = b', "checksum": "'
OTHER_BATCH = "is not the answer to a line of this batch"
OTHER_FILE_HINT = "name another file with --output"


class AnswerJournal:
    """A file that grows by whole lines. A partial line left by a killed run is cut off."""

    def __init__(self, path: str, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def open_locked(cls, path: str) -> Iterator["AnswerJournal"]:
        """Open or create the file at a path, locked against other runs.

        Raises CreateError if it cannot be created or is not a file, BusyError if a run has locked
        it.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(path, flags, 0o666)
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in NOT_A_FILE_ERRNOS:
                raise creation_error(path) from error
            reason = getattr(error, "strerror", None) or str(error)
            raise CreateError(f"cannot write {path}: {reason}", "name another file") from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise CreateError(f"{path} is not a regular file", "omit --output")
            # A run that has just ended may have replaced the file.
            if not try_lock(descriptor) or not os.path.samestat(status, os.stat(path)):  # noqa: PTH116
                raise BusyError(f"another run is writing {path}", "wait for it to end")
            yield cls(path, descriptor)
        finally:
            os.close(descriptor)

    def find_answered(self, batch_lines: Sequence[BatchLine]) -> frozenset[int]:
        """The numbers of the lines that already have an answer, in any order.

        A recorded error does not count: the question may have changed since. Raises DataError,
        leaving the file unchanged, if it contains anything else, such as another model's answers or
        altered lines.
        """
        by_number = {line.number: line for line in batch_lines}
        records, rest = self._read()
        answered = set()
        for index, record in enumerate(records):
            fields = record_of(record)
            number = line_number(fields)
            line = by_number.get(number)
            if "error" in fields and batch_lines:
                self._check(index, record, batch_lines[0].difference(fields, RUN_INPUTS))
                answered.discard(number)
                continue
            self._check(index, record, line.difference(fields) if line else OTHER_BATCH)
            answered.add(number)
        self._cut_off(records, rest)
        return frozenset(answered)

    def sort(self, batch_lines: Sequence[BatchLine]) -> None:
        """Keep the last record of each line, in line order; raises like `add` and `save`."""
        self._check_place()
        records, _ = self._read()
        last = {line_number(record_of(record)): record for record in records}
        in_order = [last[line.number] for line in batch_lines if line.number in last]
        if in_order != records:
            SaveTarget.for_output(self._path).save(b"".join(record + b"\n" for record in in_order))

    def add(self, line: bytes) -> None:
        """Append a sealed line; raises WriteError if that fails, or the file was replaced."""
        self._check_place()
        rest = memoryview(seal(line))
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise WriteError(
                f"cannot write {self._path}: {error.strerror}",
                "make room: the same command goes on from here",
            ) from error

    def _check_place(self) -> None:
        """Raise WriteError if the path leads elsewhere by now; the answers are kept beside it."""
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._descriptor), os.stat(self._path)):  # noqa: PTH116
                return
        records, _ = self._read()
        folder, name = os.path.split(self._path)
        hint = OTHER_FILE_HINT
        with suppress(OSError):
            if records:
                descriptor, kept = mkstemp(prefix=f"{name}.", dir=folder or ".")
                os.close(descriptor)
                Path(kept).write_bytes(b"".join(record + b"\n" for record in records))
                hint = f"the answers so far are in {kept}"
        raise WriteError(f"{self._path} was replaced while answers were written to it", hint)

    def _read(self) -> tuple[list[bytes], bytes]:
        """The complete lines, and whatever follows them."""
        with open(self._descriptor, "rb", closefd=False) as file:
            file.seek(0)
            *records, rest = file.read().split(b"\n")
        return records, rest

    def _check(self, index: int, record: bytes, difference: str) -> None:
        """Raise DataError if a record differs or was altered."""
        if not difference and record + b"\n" != seal(record.rpartition(CHECKSUM_START)[0]):
            difference = "was altered after it was written"
        if difference:
            raise DataError(f"line {index + 1} of {self._path} {difference}", OTHER_FILE_HINT)

    def _cut_off(self, records: Sequence[bytes], rest: bytes) -> None:
        """Cut off a partial line left by a killed run; raises DataError if it is anything else.

        After other records a single byte is enough; otherwise its first fields must be there.
        """
        if not rest:
            return
        start = ANSWER_LINE_START[: len(rest)]
        if not (rest.startswith(start) if records else FIRST_FIELDS.match(rest)):
            raise DataError(f"{self._path} holds something else", OTHER_FILE_HINT)
        os.ftruncate(self._descriptor, sum(len(record) + 1 for record in records))


def seal(line: bytes) -> bytes:
    """Add a field to a line of JSON with the digest of everything before it."""
    content = line.rstrip().removesuffix(b"}")
    return content + CHECKSUM_START + compute_digest(content).encode() + b'"}\n'


def record_of(line: bytes) -> Mapping[str, object]:
    """The record in a line of the answer file; empty if it is not one."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def line_number(fields: Mapping[str, object]) -> int:
    """The number of the line that a record answers; 0 if it names none."""
    number = fields.get("line")
    return number if isinstance(number, int) else 0
