"""Parse arguments outside the protocol's own types: None for anything malformed."""

from collections.abc import Mapping

from lsprotocol import types

MAX_UNSIGNED = 2**31 - 1


def read_position(value: object) -> types.Position | None:
    """Parse a position; out-of-range numbers are clamped."""
    if not isinstance(value, Mapping):
        return None
    line, character = value.get("line"), value.get("character")
    if not isinstance(line, int) or not isinstance(character, int):
        return None
    return types.Position(to_unsigned(line), to_unsigned(character))


def to_unsigned(number: int) -> int:
    """Clamp a number to the protocol's range."""
    return max(0, min(number, MAX_UNSIGNED))


def read_range(value: object) -> types.Range | None:
    """Parse a range."""
    if not isinstance(value, Mapping):
        return None
    start, end = read_position(value.get("start")), read_position(value.get("end"))
    return types.Range(start, end) if start and end else None


def read_copilot_place(params: object) -> tuple[str, types.Position] | None:
    """The document and position in a Copilot client's request."""
    document = params.get("doc") if isinstance(params, Mapping) else None
    if not isinstance(document, Mapping):
        return None
    uri, position = document.get("uri"), read_position(document.get("position"))
    return (uri, position) if isinstance(uri, str) and position else None


def read_edit(arguments: tuple[object, ...]) -> tuple[str, types.Range, str] | None:
    """The document, range and instruction in the edit command's arguments."""
    given = arguments[0] if len(arguments) == 1 else None
    if not isinstance(given, Mapping):
        return None
    uri, where, instruction = (
        given.get("uri"),
        read_range(given.get("range")),
        given.get("instruction"),
    )
    if not isinstance(uri, str) or not where or not isinstance(instruction, str):
        return None
    return (uri, where, instruction) if instruction.strip() else None
