"""Every compiled pattern of the program, and how the program searches with it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from itertools import chain
from pathlib import Path

import starcoder_cli

SOURCE = Path(starcoder_cli.__file__).parent
METHODS = {
    "match": "match",
    "fullmatch": "fullmatch",
    "search": "search",
    **dict.fromkeys(("finditer", "findall", "sub", "subn", "split"), "finditer"),
}
"""How a pattern is used, and the method that searches as that does."""

MAX_DEPTH = 4


@dataclass(frozen=True)
class UsedPattern:
    """A pattern, the constant that holds it, and the methods it is used with."""

    name: str
    pattern: re.Pattern[str] | re.Pattern[bytes]
    methods: frozenset[str]

    def literals(self) -> list[str]:
        """Words that it looks for: texts of them come furthest."""
        text = self.pattern.pattern
        text = text if isinstance(text, str) else text.decode("latin-1")
        words = re.findall(r"[A-Za-z_@#<>/]{2,12}", re.sub(r"\\.|\(\?[a-zA-Z<]*", "~", text))
        return list(dict.fromkeys(words))

    def look(self, method: str, text: str) -> None:
        """Search a text."""
        given = text if isinstance(self.pattern.pattern, str) else text.encode()
        found = getattr(self.pattern, method)(given)
        if method == "finditer":
            for _ in found:
                pass


def find_patterns() -> list[UsedPattern]:
    """All patterns in constants of modules, also inside tables and values, each once."""
    texts = {path: path.read_text() for path in sorted(SOURCE.rglob("*.py"))}
    found: dict[tuple[object, int], UsedPattern] = {}
    for path, text in texts.items():
        if "re.compile(" not in text:
            continue
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        for constant, value in vars(import_module(name)).items():
            for pattern in patterns_in(value):
                methods = used_methods(constant, name, texts)
                used = UsedPattern(f"{name.partition('.')[2]}.{constant}", pattern, methods)
                found.setdefault((pattern.pattern, pattern.flags), used)
    return list(found.values())


def patterns_in(value: object, depth: int = 0) -> Iterator["re.Pattern[str] | re.Pattern[bytes]"]:
    """Yield the patterns in a value, in its items and in its fields."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < MAX_DEPTH:
        inner: list[object] = []
        if isinstance(value, Mapping):
            inner = [*chain(value.keys(), value.values())]
        elif isinstance(value, list | tuple | set | frozenset):
            inner = [*value]
        elif is_dataclass(value) and not isinstance(value, type):
            inner = [getattr(value, field.name, None) for field in fields(value)]
        for each in inner:
            yield from patterns_in(each, depth + 1)


def used_methods(constant: str, module: str, texts: Mapping[Path, str]) -> frozenset[str]:
    """The methods that a constant, or each of a table, is used with.

    Looked for where it is defined and where it is imported. If nothing says how, it is taken to be
    searched for everywhere.
    """
    imported = re.compile(rf"from {re.escape(module)} import [^)]*?\b{constant}\b")
    home = SOURCE.parent.joinpath(*module.split("."))
    users = [
        text
        for path, text in texts.items()
        if path in (home.with_suffix(".py"), home / "__init__.py") or imported.search(text)
    ]
    names = [constant, *re.findall(rf"for (\w+) in {constant}\b", "\n".join(users))]
    used = re.compile(rf"\b(?:{'|'.join(names)})\.({'|'.join(METHODS)})\b")
    methods = {METHODS[match[1]] for text in users for match in used.finditer(text)}
    return frozenset(methods or {"finditer"})
