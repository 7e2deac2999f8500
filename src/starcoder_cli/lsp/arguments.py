"""What clients send in forms that the protocol does not know: read with care, None where wrong."""

from collections.abc import Mapping

from lsprotocol import types

MAX_UNSIGNED = 2**31 - 1


def read_position(value: object) -> types.Position | None:
    """A position; numbers that a position cannot have are the nearest that it can."""
    if not isinstance(value, Mapping):
        return None
    line, character = value.get("line"), value.get("character")
    if not isinstance(line, int) or not isinstance(character, int):
        return None
    return types.Position(to_unsigned(line), to_unsigned(character))


def to_unsigned(number: int) -> int:
    """The number of the protocol that is nearest."""
    return max(0, min(number, MAX_UNSIGNED))


def read_range(value: object) -> types.Range | None:
    """A range."""
    if not isinstance(value, Mapping):
        return None
    start, end = read_position(value.get("start")), read_position(value.get("end"))
    return types.Range(start, end) if start and end else None


def read_copilot_place(params: object) -> tuple[str, types.Position] | None:
    """The document and the position in a question of a client for Copilot."""
    document = params.get("doc") if isinstance(params, Mapping) else None
    if not isinstance(document, Mapping):
        return None
    uri, position = document.get("uri"), read_position(document.get("position"))
    return (uri, position) if isinstance(uri, str) and position else None


def read_edit(arguments: tuple[object, ...]) -> tuple[str, types.Range, str] | None:
    """The document, the range and the instruction in the arguments of the command that edits."""
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
