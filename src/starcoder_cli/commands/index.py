"""`starcoder index`: manage the code to compare with."""

from pathlib import Path
from typing import Annotated

import typer

from starcoder_cli.attribution.index import index_file
from starcoder_cli.commands.options import IndexFile
from starcoder_cli.errors import InputError, UsageError
from starcoder_cli.files.read import read_bytes
from starcoder_cli.terminal.output import Messages, write_json, write_message, write_text
from starcoder_cli.terminal.sanitize import to_one_line
from starcoder_cli.terminal.table import format_columns

MAX_OPT_OUT_BYTES = 1 << 20
MAX_NOTES = 10

app = typer.Typer(
    name="index",
    help="Manage the index of `starcoder trace`: add, list, update and remove code.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH",
        help="Folders, git repositories, Python environments, sdists and wheels.",
        show_default=False,
    ),
]
License = Annotated[
    str,
    typer.Option(
        "--license",
        metavar="SPDX",
        help="Licence to record for everything added, overriding what the files declare.",
        show_default=False,
    ),
]
OptOut = Annotated[
    str | None,
    typer.Option(
        "--opt-out",
        metavar="FILE",
        help="Exclude for good the projects that this file names, one per line.",
    ),
]
ProjectName = Annotated[
    str, typer.Argument(metavar="NAME|PATH", help="A project, or a path that was added.")
]
IndexJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@app.callback(invoke_without_command=True)
def index(context: typer.Context) -> None:
    """Manage the index of `starcoder trace`: add, list, update and remove code."""
    if context.invoked_subcommand is None:
        list_index()


@app.command("add")
def add_paths(
    paths: Paths = None, license: License = "", opt_out: OptOut = None, index: IndexFile = None
) -> None:
    """Add code to the index, or bring it up to date; none of it leaves this machine.

    Licences are read from packaging metadata, SPDX headers and licence files. Files matched by a
    project's .starcoderignore (same format as .gitignore) or ignored by git are left out. Links
    are not followed.
    """
    from starcoder_cli.attribution.licences import normalize_licence

    licence = normalize_licence(license)
    if license and not licence:
        raise UsageError(
            f"{license!r} is not a licence expression",
            "name licences as SPDX does: MIT OR Apache-2.0",
        )
    if not paths and opt_out is None:
        raise UsageError("nothing to add", "name a folder, a wheel or an sdist")
    if opt_out is not None:
        keep_out(opt_out, index_file(index))
    for path in paths or []:
        add_path(path, licence, index_file(index))


@app.command("list")
def list_index(json: IndexJson = False, index: IndexFile = None) -> None:
    """List the projects in the index.

    In a pipe: name, version, licence, files and place, with tabs between.
    """
    from starcoder_cli.attribution.index import list_projects

    found = list_projects(index_file(index))
    if json:
        for project in found:
            write_json(vars(project))
        return
    rows = [
        (each.name, each.version, each.licence or "unknown", str(each.files), each.root)
        for each in found
    ]
    write_text(format_columns([("project", "version", "licence", "files", ""), *rows]))


@app.command("update")
def update(index: IndexFile = None) -> None:
    """Re-read what has changed, and remove files that were deleted inside an added path.

    If an added path itself no longer exists, what was added from it is kept, and an error names it.
    """
    from starcoder_cli.attribution.index import finish_interrupted, list_sources

    missing = []
    finish_interrupted(index_file(index))
    for path, licence in list_sources(index_file(index)):
        if Path(path).exists():
            add_path(path, licence, index_file(index))
        else:
            missing.append(path)
    if missing:
        raise InputError(
            f"not there any more: {', '.join(missing)}", "remove it with: starcoder index rm PATH"
        )


@app.command("rm")
def remove_project(name: ProjectName, index: IndexFile = None) -> None:
    """Remove a project, or everything added from a path; no trace of it stays in the index file.

    An update adds a project again if its path still has it, unless it is opted out.
    """
    from starcoder_cli.attribution.index import remove_from_index as forget

    gone = forget(name, index_file(index))
    write_message(f"removed {format_count(gone, 'file')} of {to_one_line(name)}")


def add_path(path: str, licence: str, index: Path) -> None:
    """Add one path, with a progress bar at a terminal, and report what was added or left out."""
    from starcoder_cli.app.progress import count_progress
    from starcoder_cli.attribution.ingest import add_source as put

    notes: list[str] = []
    try:
        with count_progress(to_one_line(path, 40)) as report:
            added = put(Path(path), licence, index, report, notes.append)
    finally:
        show_notes(notes)
    change = f"{added.new} new, {added.gone} gone"
    count = (
        f"{format_count(added.projects, 'project')}, {format_count(added.files, 'file')} ({change})"
    )
    write_text(f"{to_one_line(path)}: {count}\n")


def show_notes(notes: list[str]) -> None:
    """Show the first notes, and how many more there are."""
    messages = Messages()
    for note in notes[:MAX_NOTES]:
        messages.note(note)
    if len(notes) > MAX_NOTES:
        messages.note(f"and {format_count(len(notes) - MAX_NOTES, 'more note')}")


def keep_out(path: str, index: Path) -> None:
    """Exclude the projects that a file names, and report how many files were removed."""
    from starcoder_cli.attribution.index import opt_out

    text = read_bytes(path, MAX_OPT_OUT_BYTES).decode("utf-8", "replace")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    names = [line for line in lines if line]
    gone = opt_out(names, index)
    kept_out = f"{format_count(len(names), 'project')} kept out, {format_count(gone, 'file')} gone"
    write_text(f"{to_one_line(path)}: {kept_out}\n")


def format_count(number: int, thing: str) -> str:
    """Format a number of things."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
