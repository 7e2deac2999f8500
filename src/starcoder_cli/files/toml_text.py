"""The text of a TOML file: find a key in it, and change one key while keeping everything else.

A library writes values, and replaces and removes them. New keys are inserted here: the library
would put them between a table and the comment above that.
"""

import tomllib
from bisect import bisect_left
from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, cast

from starcoder_cli.errors import DataError
from starcoder_cli.system.foreign import ForeignError, foreign_errors

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

BY_HAND_HINT = "change it by hand: starcoder config edit"


def find_key_line(text: str, keys: Sequence[str]) -> int:
    """The line, from 1, of the statement that sets a key; 1 if there is none.

    It ends the first part of the text that, read as TOML, has the key.
    """
    lines = text.splitlines(keepends=True)
    begins = list(statement_begins(lines))
    at = bisect_left(begins[1:], True, key=lambda end: has_key(parse_lines(lines[:end]), keys))
    return begins[at] + 1 if at < len(begins) - 1 else 1


def statement_begins(lines: Sequence[str]) -> Iterator[int]:
    """The first line of each statement of a TOML file, from 0, and finally the number of lines."""
    begin = 0
    for end in range(1, len(lines) + 1):
        if parse_lines(lines[begin:end]) is not None:  # else a multi-line statement is not complete
            yield begin
            begin = end
    yield len(lines)


def has_key(settings: object, keys: Sequence[str]) -> bool:
    """Whether nested tables have a key."""
    for key in keys:
        if not isinstance(settings, dict) or key not in settings:
            return False
        settings = settings[key]
    return True


def parse_lines(lines: Sequence[str]) -> dict[str, object] | None:
    """Parse lines as TOML; None if they are incomplete."""
    try:
        return tomllib.loads("".join(lines))
    except ValueError:
        return None


def with_key(text: str, keys: Sequence[str], value: object) -> str:
    """Set a key in a TOML text, adding it if it is missing.

    Comments, order and line ends stay. Raises DataError if a value would replace a table or a table
    a value, or if the library cannot do it.
    """
    settings: object = tomllib.loads(text)
    for depth, key in enumerate(keys):
        if not isinstance(settings, dict):
            name = ".".join(keys[:depth])
            raise DataError(
                f"{name} is a value there, not a table", f"run: starcoder config unset {name}"
            )
        if key not in settings:
            return with_new_key(text, keys, value)
        settings = settings[key]
    if isinstance(settings, dict) or is_list_of_tables(settings):
        raise DataError(f"{'.'.join(keys)} is a table there", "name a key in it")
    document = parse_document(text)
    parent_of(document, keys)[keys[-1]] = value
    return checked(document.as_string(), text, keys, value)


def is_list_of_tables(value: object) -> bool:
    """Whether a value is written as an array of tables, with double brackets."""
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def without_key(text: str, keys: Sequence[str]) -> str:
    """Remove an existing key from a TOML text; everything else stays."""
    document = parse_document(text)
    del parent_of(document, keys)[keys[-1]]
    return checked(document.as_string(), text, keys, None)


def with_new_key(text: str, keys: Sequence[str], value: object) -> str:
    """Add a missing key after the others of its table."""
    import tomlkit

    *tables, last = keys
    name = tomlkit.key(last).as_string()
    line = f"{name} = {tomlkit.item(value).as_string()}\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    headers = [*table_headers(lines), (len(lines), ())]
    begin = next((at + 1 for at, path in headers[:-1] if list(path) == tables), None)
    if not tables:
        begin = 0
    elif begin is None and has_key(tomllib.loads(text), tables):  # `fill.lang = "c"`, or `{...}`
        document = parse_document(text)
        parent_of(document, keys)[last] = value
        return checked(document.as_string(), text, keys, value)
    if begin is None:
        gap = "\n" if lines and lines[-1].strip() else ""
        new = [f"{gap}[{tomlkit.key(list(tables)).as_string()}]\n{line}"]
        return checked("".join(lines + new), text, keys, value)
    end = next(at for at, _ in headers if at >= begin)
    at = end_of_values(lines, begin, end)
    gap = "\n" if "".join(lines[at : at + 1]).strip() else ""
    return checked("".join([*lines[:at], line + gap, *lines[at:]]), text, keys, value)


def table_headers(lines: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each line that begins a table, from 0, with the table's path of keys."""
    for at in statement_begins(lines):
        if at < len(lines) and lines[at].lstrip().startswith("["):
            path, table = [], parse_lines([lines[at]])
            while isinstance(table, dict) and table:
                path.append(next(iter(table)))
                table = cast("dict[str, object] | None", table[path[-1]])
            yield at, tuple(path) if table == {} else ()


def end_of_values(lines: Sequence[str], begin: int, end: int) -> int:
    """The end of a table's values; a comment right above the next table belongs to that one."""
    at = end
    if end < len(lines):
        while at > begin and lines[at - 1].lstrip().startswith("#"):
            at -= 1
    while at > begin and not lines[at - 1].strip():
        at -= 1
    return at


def parse_document(text: str) -> "TOMLDocument":
    """Parse a TOML text with the library; raises DataError if it cannot."""
    import tomlkit

    try:
        with foreign_errors():
            return tomlkit.parse(text)
    except ForeignError as error:
        raise DataError(f"its TOML is too unusual to change: {error}", BY_HAND_HINT) from error


def parent_of(document: "TOMLDocument", keys: Sequence[str]) -> MutableMapping[str, object]:
    """The table that contains a key."""
    table = cast("MutableMapping[str, object]", document)
    for name in keys[:-1]:
        table = cast("MutableMapping[str, object]", table[name])
    return table


def checked(text: str, before: str, keys: Sequence[str], value: object) -> str:
    """Restore the original line ends, after checking that only one key has changed.

    Raises DataError if anything else differs.
    """
    wanted: dict[str, object] = tomllib.loads(before)
    table = wanted
    for name in keys[:-1]:
        table = cast("dict[str, object]", table.setdefault(name, {}))
    if value is None:
        del table[keys[-1]]
    else:
        table[keys[-1]] = value
    text = text.replace("\r\n", "\n")
    if parse_lines([text]) != wanted:
        raise DataError("its TOML is too unusual to change", BY_HAND_HINT)
    return text.replace("\n", "\r\n") if "\r\n" in before else text
