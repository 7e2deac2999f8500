"""The notice of what was found in code, in a file of its own."""

from pathlib import Path

from starcoder_cli.app.deliver import is_same_file, note_file_outside
from starcoder_cli.app.trace import TraceResult
from starcoder_cli.attribution.spdx import SpdxDocument, serialize_document
from starcoder_cli.errors import UsageError
from starcoder_cli.files.notebook_text import NotebookText
from starcoder_cli.files.output import OutputTarget, open_output
from starcoder_cli.files.source import Source
from starcoder_cli.terminal.output import Messages

NOTICE_MARK, NOTICE_START_BYTES = b"spdxversion", 4096


def report_target(path: str, source: Source, messages: Messages) -> OutputTarget:
    """The file of a notice, checked before anything is looked up.

    Raises UsageError if it is the code itself, or if the code is not in its file verbatim, and
    whatever keeps it from being written.
    """
    if isinstance(source, NotebookText):
        raise UsageError(
            "--report counts the bytes of a file, and a notebook has its code as JSON",
            "trace a script of it, as `jupyter nbconvert --to script` makes one",
        )
    if is_same_file(path, source.name):
        raise UsageError(f"--report would replace {source.name}", "name another file")
    target = Path(path)
    if target.is_file() and target.stat().st_size and NOTICE_MARK not in read_start(target):
        raise UsageError(f"{path} exists already, and is not a notice", "name another file")
    note_file_outside(path, messages)
    return open_output(path)


def read_start(path: Path) -> bytes:
    """The first bytes of a file, in lower case."""
    with path.open("rb") as file:
        return file.read(NOTICE_START_BYTES).lower()


def save_report(target: OutputTarget, traced: TraceResult, start: int) -> None:
    """Write the notice for what was found, starting at a character of the source."""
    target.save(
        serialize_document(
            SpdxDocument.from_matches(traced.source, start, traced.matches), target.path
        )
    )
