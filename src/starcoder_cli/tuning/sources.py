"""The files of a repository that a model may learn from, and why the others are left out.

Every file that git tracks is counted once: as read, or under the reason why it is not.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starcoder_cli.attribution.containers import FolderTree
from starcoder_cli.attribution.licences import LicenceAllowList
from starcoder_cli.attribution.projects import SourceProject, find_projects, is_code_file
from starcoder_cli.errors import DataError, InputError
from starcoder_cli.files import git
from starcoder_cli.files.secrets import has_secret_name
from starcoder_cli.files.source import to_model_text
from starcoder_cli.languages import Language, detect_language
from starcoder_cli.terminal.sanitize import to_one_line
from starcoder_cli.tuning.exclusions import exclusion_by_name, exclusion_by_text
from starcoder_cli.tuning.personal_data import replace_personal_data

GIT_FOLDER = ".git"
NUL_BYTE = b"\0"

NOT_CODE = "not code"
OPTED_OUT = "kept out by its owner"
OTHER_LICENCE = "under a licence that --allow does not name"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class SourceFile:
    """A file of code as a model reads it; `path` is its name in the repository, safe to display."""

    path: str
    text: str
    language: Language
    licence: str
    repository: str


@dataclass
class Ledger:
    """What became of the files: how many git tracks, why files were left out, what was replaced."""

    tracked: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    replaced: Counter[str] = field(default_factory=Counter)
    denied_licences: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Rules:
    """What the user and the owners of code allow: licences, and projects that opted out."""

    allowed: LicenceAllowList | None = None
    is_opted_out: Callable[[str], bool] = lambda name: False
    note: Callable[[str], None] = lambda text: None


def read_sources(paths: Sequence[Path], rules: Rules, ledger: Ledger) -> list[SourceFile]:
    """The code in some folders of git repositories, sorted by name; each folder counts once.

    Raises InputError if there is no folder or no repository, DataError if nothing is left.
    """
    folders = {os.path.realpath(path): path for path in reversed(paths)}
    sources = [
        source for path in folders.values() for source in read_repository(path, rules, ledger)
    ]
    if sources:
        return sorted(sources, key=lambda source: (source.repository, source.path))
    named = ", ".join(map(str, paths))
    if ledger.denied_licences:
        found = ", ".join(f"{name} ({count})" for name, count in ledger.denied_licences.items())
        raise DataError(
            f"no code in {named} is under a licence that --allow names: {found}",
            "name one of these with --allow if you may use it",
        )
    reasons = ", ".join(f"{count} {reason}" for reason, count in ledger.left_out.items())
    raise DataError(
        f"there is no code to learn from in {named}" + (f": {reasons}" if reasons else ""),
        "name a folder of a git repository with code",
    )


def read_repository(path: Path, rules: Rules, ledger: Ledger) -> Iterator[SourceFile]:
    """Yield the code in a folder of a git repository."""
    folder = Path(os.path.realpath(path))
    if not folder.exists():
        raise InputError(f"{path} is not there", "check the name")
    if not folder.is_dir():
        raise InputError(f"{path} is one file", "name the folder of its repository")
    root = next((each for each in (folder, *folder.parents) if (each / GIT_FOLDER).exists()), None)
    names = git.list_tracked(root) if root else None
    if root is not None and names is None:
        raise InputError(f"git cannot list the files of {root}", "see what `git status` says there")
    if root is None or names is None:
        raise InputError(f"{path} is not in a git repository", "run: git init && git add .")
    prefix = "" if folder == root else f"{folder.relative_to(root).as_posix()}/"
    tree = FolderTree(root, sorted(names), ("",))
    owners = {
        name: project
        for project in find_projects(tree, note=rules.note)
        for name in project.code_files
    }
    for name in tree.file_names:
        if not name.startswith(prefix):
            continue
        ledger.tracked += 1
        reason = exclusion_of(name, owners.get(name), rules)
        source = None if reason else read_source(owners[name], name, rules, ledger)
        if source:
            yield source
        elif reason:
            ledger.left_out[reason] += 1


def exclusion_of(name: str, project: SourceProject | None, rules: Rules) -> str | None:
    """Why a file is left out before it is read, or None if it is not."""
    if not is_code_file(name):
        return NOT_CODE
    if project is None or rules.is_opted_out(project.metadata.name):
        return OPTED_OUT
    return "named like a secret" if has_secret_name(name) else exclusion_by_name(name)


def read_source(
    project: SourceProject, name: str, rules: Rules, ledger: Ledger
) -> SourceFile | None:
    """A file without personal data; None if it is left out, which is counted."""
    data = project.tree.read(name)
    if data is None:
        ledger.left_out["a link, unreadable or too large"] += 1
        return None
    licence = project.licence_of(name, data)
    if rules.allowed and not rules.allowed.allows(licence):
        ledger.left_out[OTHER_LICENCE] += 1
        ledger.denied_licences[licence or UNKNOWN] += 1
        return None
    text = decode(data)
    reason = "binary" if text is None else exclusion_by_text(text)
    language = detect_language(name)
    if text is None or reason or language is None:
        ledger.left_out[reason or NOT_CODE] += 1
        return None
    text, replaced = replace_personal_data(text)
    ledger.replaced.update(replaced)
    path, repository = to_one_line(name), to_one_line(project.tree.root.name)
    return SourceFile(path, text, language, licence or UNKNOWN, repository)


def decode(data: bytes) -> str | None:
    """The text of a file, or None if it is binary."""
    if NUL_BYTE in data:
        return None
    try:
        return to_model_text(data.decode("utf-8"))
    except UnicodeDecodeError:
        return None
