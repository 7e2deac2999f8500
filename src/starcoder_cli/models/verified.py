"""Which files still have the bytes that their model was published with, as far as known.

A manifest beside a file records what would reveal a change: its size and modification time. A
copied folder has other times and may be read-only: its file is read through once, and the result is
stored in the user's own cache.
"""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from starcoder_cli.files.small import replace_text
from starcoder_cli.models.transfer import Progress, compute_sha256, ignore_progress
from starcoder_cli.settings import user_folder

MAX_REMEMBERED_FILES = 1000


@dataclass(frozen=True)
class VerifiedFile:
    """The state of a file when its bytes were verified."""

    sha256: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path, sha256: str) -> "VerifiedFile":
        """The current state of a file with this digest."""
        status = path.stat()
        return cls(sha256, status.st_size, status.st_mtime_ns)

    def is_intact(self, path: Path) -> bool:
        """Whether a file still has these bytes; it is read only if its time differs."""
        now = VerifiedFile.of(path, self.sha256)
        if now == self or now.size != self.size:
            return now == self
        return _load_record().get(_key(path)) == asdict(now) or verify_file(path, self.sha256)


def verify_file(path: Path, sha256: str, progress: Progress = ignore_progress) -> bool:
    """Whether a file has this digest; the result is recorded if that can be written."""
    before = VerifiedFile.of(path, sha256)
    if compute_sha256(path, progress) != sha256:
        return False
    record = _load_record()
    record.pop(_key(path), None)
    record[_key(path)] = asdict(before)
    with suppress(OSError):
        latest = dict(list(record.items())[-MAX_REMEMBERED_FILES:])
        replace_text(record_path(), json.dumps(latest, indent=1) + "\n")
    return True


def record_path() -> Path:
    """The file of verification results, the latest last."""
    return user_folder("cache") / "verified.json"


def _key(path: Path) -> str:
    """The key of a file in the record."""
    return str(path.absolute())


def _load_record() -> dict[str, object]:
    """The contents of the record; empty if it is missing or damaged."""
    try:
        return dict(json.loads(record_path().read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}
