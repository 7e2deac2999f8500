"""Find the project files that a file imports, by rules for each language.

A rule finds references and how they are written as file names. It knows nothing about search paths:
a reference counts if a file of the project matches it.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from starcoder_cli.context.project import ProjectFiles

MAX_SCANNED_CHARACTERS = 100_000
CANDIDATES_BETWEEN_LOOKS = 64
MAX_REFERENCE_CHARACTERS = 500
MAX_IMPORTS = 12
RELATIVE_LEVELS = {".": 1, "self": 1, "super": 1, "..": 2}
SOURCE_FOLDERS = ("", "src", "lib", "include", "app", "python", "src/main/java", "src/main/kotlin")


@dataclass(frozen=True)
class ImportRule:
    """References to other files: where they occur, and the endings that turn them into file names.

    The pattern's first group is a path in which `separator` stands for the slash; an optional
    second group lists symbols in it, which may be files themselves. The last `symbol_parts` parts
    may name something inside a file. With `has_project_prefix` the first parts name the project
    itself. An ending `/*.x` means the files of a folder.
    """

    pattern: str
    endings: tuple[str, ...]
    separator: str = "/"
    symbol_parts: int = 0
    has_project_prefix: bool = False

    def candidate_paths(self, reference: str, project: ProjectFiles) -> Iterator[str]:
        """The file names that a reference could mean, likeliest first."""
        levels_up, parts = self.split_reference(reference)
        bases = (
            [ancestor_folder(project.own_folder, levels_up - 1)]
            if levels_up
            else self.base_folders(project)
        )
        for dropped in range(min(self.symbol_parts, max(len(parts) - 1, 0)) + 1):
            kept = parts[: len(parts) - dropped]
            for base in bases:
                yield from self.add_endings(base, kept)
        for skipped in range(1, len(parts) if self.has_project_prefix else 0):
            for base in bases:
                yield from self.add_endings(base, parts[skipped:])

    def split_reference(self, reference: str) -> tuple[int, list[str]]:
        """How many folders up a reference starts, 0 if it is not relative, and its parts.

        One that starts in the file's own folder counts as 1.
        """
        words = [word for word in reference.split(self.separator) if word]
        if self.separator == ".":
            return len(reference) - len(reference.lstrip(".")), words
        levels_up = 0
        while words and words[0] in RELATIVE_LEVELS:
            levels_up = max(levels_up + (words[0] != "."), RELATIVE_LEVELS[words.pop(0)])
        return levels_up, [word for word in words if word != "crate"]

    def base_folders(self, project: ProjectFiles) -> list[str]:
        """Folders that a reference may start from: the file's own, those above, and sources."""
        folders = [
            ancestor_folder(project.own_folder, levels_up)
            for levels_up in range(project.own_path.count("/") + 1)
        ]
        return [posixpath.join(folder, source) for folder in folders for source in SOURCE_FOLDERS]

    def add_endings(self, base: str, parts: list[str]) -> Iterator[str]:
        """Candidate file names below a folder."""
        stem = posixpath.join(base, *parts)
        stem = posixpath.normpath(stem) if "." in parts or ".." in parts else stem
        return (f"{stem}{ending}" for ending in self.endings)


_PYTHON_ENDINGS = (".py", "/__init__.py", ".pyi")
_TYPESCRIPT_ENDINGS = (".ts", ".tsx", ".mts", ".d.ts", "/index.ts", "/index.tsx")
_JAVASCRIPT_ENDINGS = (*_TYPESCRIPT_ENDINGS, ".js", ".jsx", ".mjs", ".cjs", "/index.js", "")
_JAVA_ENDINGS = (".java", ".kt", ".scala", ".groovy")
_RUST_ENDINGS = (".rs", "/mod.rs")

_JAVASCRIPT_RULES = (
    ImportRule(
        r"""(?:\bfrom|\brequire\(|\bimport\(?)[ \t]*['"](?:[@~]/)?([^'"\n]+)['"]""",
        _JAVASCRIPT_ENDINGS,
    ),
    # TypeScript refers to the file that the compiler will produce.
    ImportRule(r"""\bfrom[ \t]*['"](\.[^'"\n]+)\.[cm]?js['"]""", _TYPESCRIPT_ENDINGS),
)
_JAVA_RULES = (
    ImportRule(r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)", _JAVA_ENDINGS, ".", symbol_parts=2),
)
_C_RULES = (ImportRule(r"""^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]""", ("",)),)

IMPORT_RULES: Mapping[str, tuple[ImportRule, ...]] = {
    "python": (
        ImportRule(
            r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]*\(?([\w, \t]*)",
            _PYTHON_ENDINGS,
            ".",
            symbol_parts=1,
        ),
        ImportRule(r"^[ \t]*import[ \t]+([\w.]+)", _PYTHON_ENDINGS, "."),
    ),
    "javascript": _JAVASCRIPT_RULES,
    "typescript": _JAVASCRIPT_RULES,
    "svelte": _JAVASCRIPT_RULES,
    "vue": _JAVASCRIPT_RULES,
    "go": (
        ImportRule(
            r"""^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?"([\w.~/-]+)"[ \t]*$""",
            ("/*.go",),
            has_project_prefix=True,
        ),
    ),
    "rust": (
        ImportRule(
            r"^[ \t]*(?:pub\S*[ \t]+)?use[ \t]+([\w:]+)", _RUST_ENDINGS, "::", symbol_parts=2
        ),
        ImportRule(r"^[ \t]*(?:pub\S*[ \t]+)?mod[ \t]+(\w+)[ \t]*;", _RUST_ENDINGS),
    ),
    "java": _JAVA_RULES,
    "kotlin": _JAVA_RULES,
    "scala": _JAVA_RULES,
    "groovy": _JAVA_RULES,
    "c": _C_RULES,
    "cpp": _C_RULES,
    "cuda": _C_RULES,
    "objective-c": _C_RULES,
    "ruby": (ImportRule(r"""^[ \t]*require(?:_relative)?[ \t(]+['"]([^'"\n]+)""", (".rb", "")),),
    "php": (
        ImportRule(r"^[ \t]*use[ \t]+([\w\\]+)", (".php",), "\\", has_project_prefix=True),
        ImportRule(
            r"""\b(?:require|include)(?:_once)?[ \t(]+(?:__DIR__[ \t.]+)?['"]/?([^'"\n]+)""", ("",)
        ),
    ),
    "lua": (ImportRule(r"""\brequire[ \t(]*['"]([\w.]+)""", (".lua", "/init.lua"), "."),),
    "dart": (
        ImportRule(r"""^[ \t]*(?:import|part)[ \t]+['"](?:package:\w+/)?([^'":\n]+)""", ("",)),
    ),
    "shell": (ImportRule(r"""^[ \t]*(?:source|\.)[ \t]+['"]?([\w./-]+)""", ("",)),),
    "zig": (ImportRule(r'@import\("([\w./-]+\.zig)"\)', ("",)),),
}


def find_imported_files(text: str, language: str, project: ProjectFiles) -> tuple[str, ...]:
    """The files that a text imports, in order of appearance, at most a dozen."""
    paths: dict[str, None] = {}
    for rule in IMPORT_RULES.get(language, ()):
        for match in re.finditer(rule.pattern, text[:MAX_SCANNED_CHARACTERS], re.MULTILINE):
            for reference in extract_references(match, rule.separator):
                if not project.seconds_left or len(reference) > MAX_REFERENCE_CHARACTERS:
                    break
                paths.update(
                    dict.fromkeys(
                        resolve_reference(rule.candidate_paths(reference, project), project)
                    )
                )
    return tuple(paths)[:MAX_IMPORTS]


def extract_references(match: re.Match[str], separator: str) -> Iterator[str]:
    """The references in a match: its path, or the symbols it lists in that path."""
    path, *symbol_lists = match.groups()
    symbols = re.findall(r"(\w+)(?:[ \t]+as[ \t]+\w+)?", symbol_lists[0]) if symbol_lists else []
    if not symbols:
        yield path
    for symbol in symbols:
        yield f"{path}{symbol}" if path.endswith(separator) else f"{path}{separator}{symbol}"


def resolve_reference(paths: Iterable[str], project: ProjectFiles) -> list[str]:
    """The first candidate that exists in the project, or the files of the first such folder.

    Nothing once the time for that is over: a reference of many parts has very many candidates.
    """
    for number, path in enumerate(paths, 1):
        if not number % CANDIDATES_BETWEEN_LOOKS and not project.seconds_left:
            break
        folder, _, ending = path.partition("/*")
        if not ending:
            if project.contains(path):
                return [path]
            continue
        folder_paths = project.paths_by_folder.get(folder, ())
        if folder_paths and folder != project.own_folder:
            return [inner_path for inner_path in folder_paths if inner_path.endswith(ending)]
    return []


def ancestor_folder(folder: str, levels_up: int) -> str:
    """The folder a number of levels up; `..` if that is outside."""
    parts = folder.split("/") if folder else []
    return "/".join(parts[: len(parts) - levels_up]) if levels_up <= len(parts) else ".."
