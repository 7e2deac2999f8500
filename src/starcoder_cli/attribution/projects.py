"""Find the projects in a tree of files, and the licence of each file.

A project is a git repository, an installed Python package (its RECORD names its files), a package
in `node_modules`, or a folder of an archive; all other files form one project named after the tree.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath

from starcoder_cli.attribution import ignore_file, licences, metadata
from starcoder_cli.attribution.containers import FolderTree, SourceTree, is_archive, read_archive
from starcoder_cli.attribution.metadata import ProjectMetadata
from starcoder_cli.attribution.tokens import NON_CODE_LANGUAGES
from starcoder_cli.errors import DataError, InputError, MalformedError
from starcoder_cli.languages import detect_language

DIST_INFO, CORE_METADATA = ".dist-info", "METADATA"
NODE_MODULES = "node_modules"


@dataclass(frozen=True)
class SourceProject:
    """Files of a tree that form one project; `folder` is its own, as a prefix of their names.

    `licence_folder` is where its licences are if not in `folder`, `licence_override` is a licence
    that overrides all others.
    """

    tree: SourceTree
    folder: str
    metadata: ProjectMetadata
    file_names: tuple[str, ...]
    licence_folder: str = ""
    licence_override: str = ""

    @property
    def root(self) -> str:
        """The folder or archive that contains its files."""
        return str(self.tree.root / self.folder)

    def relative_path(self, name: str) -> str:
        """A file's name relative to the project's folder."""
        return name.removeprefix(f"{self.folder}/") if self.folder else name

    @property
    def code_files(self) -> tuple[str, ...]:
        """The names of the code files that their owner allows in an index."""
        return self._allowed_files[0]

    @property
    def ignore_error(self) -> MalformedError | None:
        """Why the owner's exclusions cannot be applied; no file counts then."""
        return self._allowed_files[1]

    @cached_property
    def _allowed_files(self) -> tuple[tuple[str, ...], MalformedError | None]:
        try:
            ignore_rules = self._read_ignore_rules()
            code = filter(is_code_file, self.file_names)
            allowed = [name for name in code if not ignore_rules.excludes(self.relative_path(name))]
        except MalformedError as error:
            return (), error
        return tuple(allowed), None

    @property
    def ignore_path(self) -> str:
        """The name of the project's ignore file."""
        name = ignore_file.IGNORE_FILE_NAME
        return f"{self.folder}/{name}" if self.folder else name

    def _read_ignore_rules(self) -> ignore_file.IgnoreRules:
        """The owner's exclusions; raises MalformedError if they cannot be read."""
        if self.ignore_path not in self.file_names:
            return ignore_file.IgnoreRules()
        data = self.tree.read(self.ignore_path)
        if data is None:
            raise MalformedError("it is not a regular file, or it is too large")
        return ignore_file.IgnoreRules.parse(data)

    @cached_property
    def licence(self) -> str:
        """The project's licence: as given, from its metadata, or from its licence files."""
        return (
            self.licence_override
            or self.metadata.licence
            or self._licences_by_folder.get(self.licence_folder or self.folder, "")
        )

    def licence_of(self, name: str, data: bytes) -> str:
        """A file's licence: from its header, the nearest licence file, or the project."""
        if self.licence_override:
            return self.licence_override
        return licences.find_header_licence(data) or self._nested_licence(name) or self.licence

    def _nested_licence(self, name: str) -> str:
        """The licence from the nearest licence file below the project's folder."""
        parents = (
            (str(folder) for folder in PurePosixPath(name).parents)
            if self._has_nested_licences
            else ()
        )
        below = takewhile(lambda folder: folder not in (self.folder, "."), parents)
        return next(
            (licence for folder in below if (licence := self._licences_by_folder.get(folder))), ""
        )

    @cached_property
    def _licences_by_folder(self) -> Mapping[str, str]:
        """The licences of the first licence files, by the folder they apply to."""
        licences_by_folder: dict[str, list[str]] = {}
        for name in licences.find_licence_files(self.file_names):
            if data := self.tree.read(name):
                folder = licensed_folder(name, self.licence_folder)
                licences_by_folder.setdefault(folder, []).append(licences.identify_licence(data))
        return {
            folder: join_licences(expressions) for folder, expressions in licences_by_folder.items()
        }

    @cached_property
    def _has_nested_licences(self) -> bool:
        """Whether a folder below the project's own has a licence file."""
        return bool(self._licences_by_folder.keys() - {self.folder, self.licence_folder})


def licensed_folder(name: str, licence_folder: str) -> str:
    """The folder that a licence file applies to: its own, or the one around its LICENSES folder."""
    if licence_folder and name.startswith(f"{licence_folder}/"):
        return licence_folder
    parent = PurePosixPath(name).parent
    folder = parent.parent if parent.name.lower() in ("licenses", "licences") else parent
    return "" if str(folder) == "." else str(folder)


def join_licences(licences: Sequence[str]) -> str:
    """Join licences into one expression; empty if one of them is unknown."""
    distinct = sorted(set(licences))
    all_known = all(distinct)
    parts = [
        f"({licence})" if " " in licence and len(distinct) > 1 else licence for licence in distinct
    ]
    return " AND ".join(parts) if all_known else ""


def is_code_file(name: str) -> bool:
    """Whether a file's name says that it is in an indexed language."""
    language = detect_language(name)
    return language is not None and language.name not in NON_CODE_LANGUAGES


def is_relevant_file(name: str) -> bool:
    """Whether a file matters: code, or information about its owner and licence."""
    base_name = PurePosixPath(name).name
    is_metadata = base_name in metadata.METADATA_PARSERS or base_name in (
        "RECORD",
        ignore_file.IGNORE_FILE_NAME,
    )
    return is_metadata or licences.is_licence_file(name) or is_code_file(name)


def open_tree(path: Path, note: Callable[[str], None] = lambda _: None) -> SourceTree:
    """Open the folder or archive at a path; raises InputError if there is neither.

    `note` reports the files whose status is uncertain.
    """
    if path.is_dir():
        return FolderTree.scan(path, note)
    if not path.exists():
        raise InputError(f"{path} is not there", "check the name")
    if path.is_file() and is_archive(path):
        return read_archive(path, is_relevant_file)
    raise DataError(
        f"{path} is neither a folder nor an archive", "name the folder that it is in, or a wheel"
    )


def find_projects(
    tree: SourceTree,
    licence_override: str = "",
    excluded_folders: Sequence[str] = (),
    note: Callable[[str], None] = lambda _: None,
) -> list[SourceProject]:
    """Find the projects in a tree, with a licence for all of them if given.

    Files in `excluded_folders` are ignored. `note` reports metadata that cannot be read.
    """
    excluded_prefixes = tuple(f"{folder}/" for folder in excluded_folders)
    names = [
        name
        for name in tree.file_names
        if is_relevant_file(name) and not name.startswith(excluded_prefixes)
    ]
    packages = dict(find_distributions(tree, names, note))
    owners = {name: dist_info for dist_info, (_, files) in packages.items() for name in files}
    roots = {
        "",
        *tree.repositories,
        *find_node_packages(names),
        *find_archive_top_folder(tree, names),
    }
    groups: dict[str, list[str]] = {}
    for name in names:
        folder = owners.get(name) or innermost_folder(name, roots)
        groups.setdefault(folder, []).append(name)
    result = []
    for folder, files in groups.items():
        if folder in packages:
            parent = parent_folder(folder)
            project_metadata = packages[folder][0]
            result.append(
                SourceProject(
                    tree, parent, project_metadata, tuple(files), folder, licence_override
                )
            )
        else:
            project_metadata = read_project_metadata(tree, folder, files, note)
            result.append(
                SourceProject(tree, folder, project_metadata, tuple(files), "", licence_override)
            )
    for each in result:
        if error := each.ignore_error:
            note(f"{each.root} is left out because {each.ignore_path} cannot be read: {error}")
    return [project for project in result if project.code_files]


def find_distributions(
    tree: SourceTree, names: Sequence[str], note: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[str, tuple[ProjectMetadata, Sequence[str]]]]:
    """The installed Python packages: each one's metadata and files, by `.dist-info` folder."""
    folders = {
        parent_folder(name) for name in names if name.endswith(f"{DIST_INFO}/{CORE_METADATA}")
    }
    own_files: dict[str, list[str]] = {}
    present = frozenset(names)
    for name in names:
        own_files.setdefault(innermost_folder(name, folders), []).append(name)
    for folder in sorted(folders):
        parent = parent_folder(folder)
        recorded = (
            f"{parent}/{file}" if parent else file for file in list_recorded_files(tree, folder)
        )
        files = dict.fromkeys(name for name in recorded if name in present)
        path = f"{folder}/{CORE_METADATA}"
        yield (
            folder,
            (metadata.parse_metadata(path, tree.read(path), note), (*files, *own_files[folder])),
        )


def list_recorded_files(tree: SourceTree, folder: str) -> Iterator[str]:
    """The files in a package's RECORD, relative to the folder it was installed in."""
    text = (tree.read(f"{folder}/RECORD") or b"").decode("utf-8", "replace")
    with suppress(csv.Error):
        yield from (row[0] for row in csv.reader(text.splitlines()) if row)


def find_node_packages(names: Sequence[str]) -> Iterator[str]:
    """The folders of packages in `node_modules`."""
    for name in names:
        folder, _, base_name = name.rpartition("/")
        parent = PurePosixPath(folder).parent
        packages_folder = parent.parent if parent.name.startswith("@") else parent
        if base_name == "package.json" and packages_folder.name == NODE_MODULES:
            yield folder


def find_archive_top_folder(tree: SourceTree, names: Sequence[str]) -> set[str]:
    """The single top folder of an archive, if there is one."""
    top_folders = {name.split("/")[0] if "/" in name else "" for name in names}
    return top_folders if len(top_folders) == 1 and not tree.root.is_dir() else set()


def innermost_folder(name: str, roots: set[str]) -> str:
    """The innermost of the given folders that contains a file; "", the root, if none does."""
    parents = (str(folder) for folder in PurePosixPath(name).parents)
    return next((folder for folder in parents if folder in roots), "")


def parent_folder(folder: str) -> str:
    """The parent of a folder; empty for the root."""
    return folder.rpartition("/")[0]


def read_project_metadata(
    tree: SourceTree,
    folder: str,
    names: Sequence[str],
    note: Callable[[str], None] = lambda _: None,
) -> ProjectMetadata:
    """A project's metadata; its name defaults to that of its folder."""
    prefix = f"{folder}/" if folder else ""
    present = set(names)
    paths = (prefix + name for name in metadata.METADATA_PARSERS if prefix + name in present)
    candidates = [metadata.parse_metadata(path, tree.read(path), note) for path in paths]
    first_named = next((candidate for candidate in candidates if candidate.name), None)
    return first_named or ProjectMetadata(PurePosixPath(folder).name or tree.root.name)
