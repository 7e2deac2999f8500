"""Which files have the bytes that their model was published with, as far as that is known.

A manifest beside a file holds what a changed file would betray itself by: its size and modification
time. A copy of the folder has another time, and perhaps nobody may write there: its file is read
through once, and what that gave is remembered in the user's own cache.
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
    """What a file was when its bytes were verified."""

    sha256: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path, sha256: str) -> "VerifiedFile":
        """What a file with this digest is now."""
        status = path.stat()
        return cls(sha256, status.st_size, status.st_mtime_ns)

    def is_intact(self, path: Path) -> bool:
        """Whether a file still has these bytes; it is read where it has another time alone."""
        now = VerifiedFile.of(path, self.sha256)
        if now == self or now.size != self.size:
            return now == self
        return _load_record().get(_key(path)) == asdict(now) or verify_file(path, self.sha256)


def verify_file(path: Path, sha256: str, progress: Progress = ignore_progress) -> bool:
    """Whether a file has this digest; what it was then is remembered, where that can be written."""
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
    """The file of what was read through, the latest last."""
    return user_folder("cache") / "verified.json"


def _key(path: Path) -> str:
    """What a file is called in the record."""
    return str(path.absolute())


def _load_record() -> dict[str, object]:
    """What the record says; nothing where it is missing or damaged."""
    try:
        return dict(json.loads(record_path().read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}
