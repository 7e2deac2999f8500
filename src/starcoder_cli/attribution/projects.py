"""Which projects there are in a tree of files, and which licence each file is under.

A project is a git repository, an installed Python package (its RECORD names its files), a package
in `node_modules`, a folder of an archive; whatever belongs to none is one project by the tree's
name.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path, PurePosixPath

from starcoder_cli.attribution import ignore_file, licences, metadata
from starcoder_cli.attribution.containers import Folder, Tree, is_archive, unpacked
from starcoder_cli.attribution.metadata import Metadata
from starcoder_cli.attribution.tokens import PROSE
from starcoder_cli.errors import DataError, InputError
from starcoder_cli.languages import detect

DIST_INFO = ".dist-info"
NODE_MODULES = "node_modules"


@dataclass(frozen=True)
class Project:
    """Some files of a tree that are one project; `folder` is its own, as part of their names.

    `own` is where it keeps licences of its own elsewhere, `given` a licence that overrules others.
    """

    tree: Tree
    folder: str
    about: Metadata
    names: tuple[str, ...]
    own: str = ""
    given: str = ""

    @property
    def root(self) -> str:
        """The folder or archive that its files are in."""
        return str(self.tree.root / self.folder)

    def path(self, name: str) -> str:
        """A file's name from the project's folder on."""
        return name.removeprefix(f"{self.folder}/") if self.folder else name

    @cached_property
    def code(self) -> tuple[str, ...]:
        """The names of the files with code that their owner lets into an index."""
        place = f"{self.folder}/{ignore_file.NAME}" if self.folder else ignore_file.NAME
        data = self.tree.read(place) if place in self.names else None
        ignore = ignore_file.Ignore.parse(data or b"")
        return tuple(
            name for name in self.names if is_code(name) and not ignore.covers(self.path(name))
        )

    @cached_property
    def licence(self) -> str:
        """What the project is under: as given, as its metadata say, or by its licence files."""
        return self.given or self.about.licence or self._texts.get(self.own or self.folder, "")

    def licence_of(self, name: str, data: bytes) -> str:
        """What a file is under: by its header, the nearest licence file, or as the project is."""
        if self.given:
            return self.given
        return licences.header(data) or self._inner(name) or self.licence

    def _inner(self, name: str) -> str:
        """What the nearest licence file below the project's folder tells of a file."""
        around = (str(folder) for folder in PurePosixPath(name).parents) if self._nested else ()
        below = takewhile(lambda folder: folder not in (self.folder, "."), around)
        return next((text for folder in below if (text := self._texts.get(folder))), "")

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        """The licences that licence files tell, by the folder that they hold for."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            if licences.is_licence_file(name) and (data := self.tree.read(name)):
                folder = holds_for(name, self.own)
                found.setdefault(folder, []).append(licences.identified(data))
        return {folder: joined(texts) for folder, texts in found.items()}

    @cached_property
    def _nested(self) -> bool:
        """Whether a folder below the project's own has a licence file."""
        return bool(self._texts.keys() - {self.folder, self.own})


def holds_for(name: str, own: str) -> str:
    """The folder that a licence file holds for: its own, or that around its LICENSES."""
    if own and name.startswith(f"{own}/"):
        return own
    parent = PurePosixPath(name).parent
    folder = parent.parent if parent.name.lower() in ("licenses", "licences") else parent
    return "" if str(folder) == "." else str(folder)


def joined(texts: Sequence[str]) -> str:
    """Several licences as one expression; empty where one of them is not known."""
    distinct = sorted(set(texts))
    known = all(distinct)
    parts = [f"({text})" if " " in text and len(distinct) > 1 else text for text in distinct]
    return " AND ".join(parts) if known else ""


def is_code(name: str) -> bool:
    """Whether a file is in a language that is indexed, by its name."""
    language = detect(name)
    return language is not None and language.name not in PROSE


def is_wanted(name: str) -> bool:
    """Whether a file counts: code, or what says whose it is and how it may be used."""
    last = PurePosixPath(name).name
    about = last in metadata.READERS or last in ("RECORD", ignore_file.NAME)
    return about or licences.is_licence_file(name) or is_code(name)


def tree_at(path: Path) -> Tree:
    """The tree at a path: a folder or an archive; InputError where there is neither."""
    if path.is_dir():
        return Folder.walked(path)
    if not path.exists():
        raise InputError(f"{path} is not there", "check the name")
    if path.is_file() and is_archive(path):
        return unpacked(path, is_wanted)
    raise DataError(
        f"{path} is neither a folder nor an archive", "name the folder that it is in, or a wheel"
    )


def projects(tree: Tree, given: str = "", without: Sequence[str] = ()) -> list[Project]:
    """The projects in a tree, with a licence for all of them where one is given.

    What is in one of the folders `without` does not count.
    """
    left_out = tuple(f"{folder}/" for folder in without)
    names = [name for name in tree.names if is_wanted(name) and not name.startswith(left_out)]
    installed = dict(distributions(tree, names))
    owners = {name: own for own, (_, files) in installed.items() for name in files}
    roots = {"", *tree.repositories, *package_folders(names), *top_folder(tree, names)}
    groups: dict[str, list[str]] = {}
    for name in names:
        folder = owners.get(name) or deepest(name, roots)
        groups.setdefault(folder, []).append(name)
    found = []
    for folder, files in groups.items():
        if folder in installed:
            base = parent_of(folder)
            about = installed[folder][0]
            found.append(Project(tree, base, about, tuple(files), folder, given))
        else:
            about = described(tree, folder, files)
            found.append(Project(tree, folder, about, tuple(files), "", given))
    return [project for project in found if project.code]


def distributions(
    tree: Tree, names: Sequence[str]
) -> Iterator[tuple[str, tuple[Metadata, Sequence[str]]]]:
    """The installed Python packages: metadata and files of each, by its `.dist-info` folder."""
    for name in names:
        folder, _, last = name.rpartition("/")
        if last == "METADATA" and folder.endswith(DIST_INFO):
            base = parent_of(folder)
            files = [f"{base}/{file}" if base else file for file in recorded(tree, folder)]
            inner = [each for each in names if each.startswith(f"{folder}/")]
            yield folder, (metadata.read(last, tree.read(name)), [*files, *inner])


def recorded(tree: Tree, folder: str) -> Sequence[str]:
    """The files that a package's RECORD names, from the folder on that it was installed in."""
    record = (tree.read(f"{folder}/RECORD") or b"").decode("utf-8", "replace")
    try:
        return [row[0] for row in csv.reader(record.splitlines()) if row]
    except csv.Error:
        return ()


def package_folders(names: Sequence[str]) -> Iterator[str]:
    """The packages in folders named `node_modules`."""
    for name in names:
        folder, _, last = name.rpartition("/")
        around = PurePosixPath(folder).parent
        scope = around.parent if around.name.startswith("@") else around
        if last == "package.json" and scope.name == NODE_MODULES:
            yield folder


def top_folder(tree: Tree, names: Sequence[str]) -> set[str]:
    """The one folder that everything in an archive is in, if there is one."""
    tops = {name.split("/")[0] if "/" in name else "" for name in names}
    return tops if len(tops) == 1 and not tree.root.is_dir() else set()


def deepest(name: str, roots: set[str]) -> str:
    """The innermost of some folders that a file is in; the root is "" and one of them."""
    parents = (str(folder) for folder in PurePosixPath(name).parents)
    return next((folder for folder in parents if folder in roots), "")


def parent_of(folder: str) -> str:
    """The folder around one; empty for the root."""
    return folder.rpartition("/")[0]


def described(tree: Tree, folder: str, names: Sequence[str]) -> Metadata:
    """What a project says of itself; its name is that of its folder where it does not say one."""
    prefix = f"{folder}/" if folder else ""
    present = set(names)
    files = (name for name in metadata.READERS if prefix + name in present)
    told = [metadata.read(name, tree.read(prefix + name)) for name in files]
    first = next((each for each in told if each.name), None)
    return first or Metadata(PurePosixPath(folder).name or tree.root.name)
