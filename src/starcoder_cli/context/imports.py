"""Which files of a project a file imports: rules for each language, as rows of data.

A rule finds references and says how they are written in the names of files. It knows nothing of
search paths: a reference counts where a file of the project is found for it.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from starcoder_cli.context.project import Project

MOST_TEXT = 100_000
MOST = 12
RELATIVE = {".": 1, "self": 1, "super": 1, "..": 2}
SOURCES = ("", "src", "lib", "include", "app", "python", "src/main/java", "src/main/kotlin")


@dataclass(frozen=True)
class Rule:
    """References to other files: where they stand, and which endings make them names of files.

    The pattern's first group is a path in which `separator` stands for the slash; its second, if
    there is one, lists things in it, which may be files of their own. The last `things` parts may
    name what is inside a file. With `prefixed` the first parts name the project itself. An ending
    `/*.x` means the files of a folder.
    """

    pattern: str
    endings: tuple[str, ...]
    separator: str = "/"
    things: int = 0
    prefixed: bool = False

    def paths(self, reference: str, project: Project) -> Iterator[str]:
        """The names that a reference could mean, the likeliest first."""
        ups, parts = self.split(reference)
        bases = [ancestor(project.folder, ups - 1)] if ups else self.bases(project)
        for dropped in range(min(self.things, max(len(parts) - 1, 0)) + 1):
            kept = parts[: len(parts) - dropped]
            for base in bases:
                yield from self.ended(base, kept)
        for skipped in range(1, len(parts) if self.prefixed else 0):
            for base in bases:
                yield from self.ended(base, parts[skipped:])

    def split(self, reference: str) -> tuple[int, list[str]]:
        """How many folders up a reference begins, 0 where it is not relative; and its parts.

        One that begins in the file's own folder goes up by 1.
        """
        words = [word for word in reference.split(self.separator) if word]
        if self.separator == ".":
            return len(reference) - len(reference.lstrip(".")), words
        ups = 0
        while words and words[0] in RELATIVE:
            ups = max(ups + (words[0] != "."), RELATIVE[words.pop(0)])
        return ups, [word for word in words if word != "crate"]

    def bases(self, project: Project) -> list[str]:
        """Folders that a reference may begin from: the file's own, and those above, and sources."""
        folders = [ancestor(project.folder, up) for up in range(project.own.count("/") + 1)]
        return [posixpath.join(folder, source) for folder in folders for source in SOURCES]

    def ended(self, base: str, parts: list[str]) -> Iterator[str]:
        """Names of files, below a folder."""
        stem = posixpath.join(base, *parts)
        stem = posixpath.normpath(stem) if "." in parts or ".." in parts else stem
        return (f"{stem}{ending}" for ending in self.endings)


_PYTHON = (".py", "/__init__.py", ".pyi")
_TYPESCRIPT = (".ts", ".tsx", ".mts", ".d.ts", "/index.ts", "/index.tsx")
_SCRIPT = (*_TYPESCRIPT, ".js", ".jsx", ".mjs", ".cjs", "/index.js", "")
_JAVA = (".java", ".kt", ".scala", ".groovy")
_RUST = (".rs", "/mod.rs")

_JAVASCRIPT_RULES = (
    Rule(r"""(?:\bfrom|\brequire\(|\bimport\(?)[ \t]*['"](?:[@~]/)?([^'"\n]+)['"]""", _SCRIPT),
    # TypeScript names the file that a compiler will have made.
    Rule(r"""\bfrom[ \t]*['"](\.[^'"\n]+)\.[cm]?js['"]""", _TYPESCRIPT),
)
_JAVA_RULES = (Rule(r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)", _JAVA, ".", things=2),)
_C_RULES = (Rule(r"""^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]""", ("",)),)

RULES: Mapping[str, tuple[Rule, ...]] = {
    "python": (
        Rule(
            r"^[ \t]*from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]*\(?([\w, \t]*)", _PYTHON, ".", things=1
        ),
        Rule(r"^[ \t]*import[ \t]+([\w.]+)", _PYTHON, "."),
    ),
    "javascript": _JAVASCRIPT_RULES,
    "typescript": _JAVASCRIPT_RULES,
    "svelte": _JAVASCRIPT_RULES,
    "vue": _JAVASCRIPT_RULES,
    "go": (
        Rule(
            r"""^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?"([\w.~/-]+)"[ \t]*$""",
            ("/*.go",),
            prefixed=True,
        ),
    ),
    "rust": (
        Rule(r"^[ \t]*(?:pub\S*[ \t]+)?use[ \t]+([\w:]+)", _RUST, "::", things=2),
        Rule(r"^[ \t]*(?:pub\S*[ \t]+)?mod[ \t]+(\w+)[ \t]*;", _RUST),
    ),
    "java": _JAVA_RULES,
    "kotlin": _JAVA_RULES,
    "scala": _JAVA_RULES,
    "groovy": _JAVA_RULES,
    "c": _C_RULES,
    "cpp": _C_RULES,
    "cuda": _C_RULES,
    "objective-c": _C_RULES,
    "ruby": (Rule(r"""^[ \t]*require(?:_relative)?[ \t(]+['"]([^'"\n]+)""", (".rb", "")),),
    "php": (
        Rule(r"^[ \t]*use[ \t]+([\w\\]+)", (".php",), "\\", prefixed=True),
        Rule(
            r"""\b(?:require|include)(?:_once)?[ \t(]+(?:__DIR__[ \t.]+)?['"]/?([^'"\n]+)""", ("",)
        ),
    ),
    "lua": (Rule(r"""\brequire[ \t(]*['"]([\w.]+)""", (".lua", "/init.lua"), "."),),
    "dart": (Rule(r"""^[ \t]*(?:import|part)[ \t]+['"](?:package:\w+/)?([^'":\n]+)""", ("",)),),
    "shell": (Rule(r"""^[ \t]*(?:source|\.)[ \t]+['"]?([\w./-]+)""", ("",)),),
    "zig": (Rule(r'@import\("([\w./-]+\.zig)"\)', ("",)),),
}


def imported(text: str, language: str, project: Project) -> tuple[str, ...]:
    """The files that a text imports, in the order of the text, at most a dozen."""
    found: dict[str, None] = {}
    for rule in RULES.get(language, ()):
        for match in re.finditer(rule.pattern, text[:MOST_TEXT], re.MULTILINE):
            if not project.seconds_left:
                break
            for reference in references(match, rule.separator):
                found.update(dict.fromkeys(resolved(rule.paths(reference, project), project)))
    return tuple(found)[:MOST]


def references(match: re.Match[str], separator: str) -> Iterator[str]:
    """What a match refers to: its path, or the things in it that it lists."""
    path, *rest = match.groups()
    things = re.findall(r"(\w+)(?:[ \t]+as[ \t]+\w+)?", rest[0]) if rest else []
    if not things:
        yield path
    for thing in things:
        yield f"{path}{thing}" if path.endswith(separator) else f"{path}{separator}{thing}"


def resolved(paths: Iterable[str], project: Project) -> list[str]:
    """The first of some names that a file of the project has, or the files of such a folder."""
    for path in paths:
        folder, _, ending = path.partition("/*")
        if not ending:
            if project.has(path):
                return [path]
            continue
        inside = project.by_folder.get(folder, ())
        if inside and folder != project.folder:
            return [each for each in inside if each.endswith(ending)]
    return []


def ancestor(folder: str, up: int) -> str:
    """The folder so many steps above; `..` where that is outside."""
    parts = folder.split("/") if folder else []
    return "/".join(parts[: len(parts) - up]) if up <= len(parts) else ".."
