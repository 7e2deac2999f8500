"""Convert the words of a command line to values quickly.

Typer builds a pydantic adapter for each option, which takes longer than everything else a command
does before it needs a model. Our options are numbers, texts, switches and choices: a table row each
is enough. If Typer moves its adapters some day, it uses them again, only slower.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

import typer

if TYPE_CHECKING:
    from typer.core import TyperCommand, TyperGroup

    Command: TypeAlias = TyperCommand | TyperGroup


class Option(Protocol):
    """The part of Typer's option description that is used here."""

    multiple: bool
    nargs: int


def parse_switch(text: object) -> bool:
    """Parse a switch from an environment variable or a configuration file."""
    if isinstance(text, bool):
        return text
    word = str(text).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise ValueError


def parse_integer(value: object) -> int:
    """Parse a whole number; raises ValueError for a switch or a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError
    return int(value)


def parse_number(value: object) -> float:
    """Parse a number; raises ValueError for a switch."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    return float(value)


def parse_text(value: object) -> str:
    """Check a text; raises ValueError for anything else that a configuration file can hold."""
    if not isinstance(value, str):
        raise ValueError
    return value


CONVERSIONS: Mapping[object, tuple[Callable[[object], object], str]] = {
    bool: (parse_switch, "yes or no"),
    int: (parse_integer, "a whole number"),
    float: (parse_number, "a number"),
    str: (parse_text, "a text"),
    list[str]: (parse_text, "a list of texts"),
}


class LightConverter:
    """Converts the values of one option, instead of Typer's adapter."""

    def __init__(self, convert: Callable[[object], object], kind: str) -> None:
        self._convert = convert
        self._kind = kind

    def coerce(self, value: object, param: Option, ctx: object) -> object:
        """Convert a value to the option's type; raises BadParameter if that fails."""
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        if several and not isinstance(value, list | tuple):
            raise self._wrong(value, param, ctx)
        try:
            if isinstance(value, list | tuple):
                return [self._convert(each) for each in value]
            return self._convert(value)
        except ValueError:
            raise self._wrong(value, param, ctx) from None

    def _wrong(self, value: object, param: Option, ctx: object) -> typer.BadParameter:
        error = typer.BadParameter(f"{value!r} is not {self._kind}")
        error.param, error.ctx = param, ctx  # type: ignore[assignment]  # Typer's own types
        return error


def use_light_converters(command: "Command") -> None:
    """Give a command's options conversions that cost nothing to load."""
    for option in command.get_params(typer.Context(command)):
        descriptor = getattr(option, "type_descriptor", None)
        choices = getattr(descriptor, "choices", None)
        if choices:
            found: tuple[Callable[[object], object], str] | None = choice_converter(tuple(choices))
        else:
            found = CONVERSIONS.get(getattr(descriptor, "annotation", None))
        if found:
            # Typer calls this method to get its converter.
            setattr(option, "get_runtime_param", partial(LightConverter, *found))  # noqa: B010


def choice_converter(choices: tuple[object, ...]) -> tuple[Callable[[object], object], str]:
    """A converter for an option with a fixed set of words."""

    def choose(value: object) -> object:
        if value not in choices:
            raise ValueError
        return value

    return choose, "one of " + ", ".join(map(str, choices))
