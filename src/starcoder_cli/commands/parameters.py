"""From the words of a command line to values, at once.

Typer builds a pydantic adapter for each option, which takes longer than everything else that a
command does before it needs a model. Our options are numbers, texts, switches and choices: a row of
a table is enough. Where Typer keeps its adapters elsewhere one day, its work again, only slower.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

import typer

if TYPE_CHECKING:
    from typer.core import TyperCommand, TyperGroup

    Command: TypeAlias = TyperCommand | TyperGroup


class Option(Protocol):
    """What is used of Typer's description of an option."""

    multiple: bool
    nargs: int


def parse_switch(text: object) -> bool:
    """A switch from an environment variable or a configuration file."""
    if isinstance(text, bool):
        return text
    word = str(text).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise ValueError


def parse_integer(value: object) -> int:
    """A whole number; ValueError for a switch or a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError
    return int(value)


def parse_number(value: object) -> float:
    """A number; ValueError for a switch."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    return float(value)


def parse_text(value: object) -> str:
    """A text; ValueError for anything else that a configuration file can hold."""
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
    """Values of one option, in place of Typer's adapter for it."""

    def __init__(self, convert: Callable[[object], object], kind: str) -> None:
        self._convert = convert
        self._kind = kind

    def coerce(self, value: object, param: Option, ctx: object) -> object:
        """The value in the option's type; BadParameter where it has none."""
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
    """Give the options of a command conversions that cost nothing to load."""
    for option in command.get_params(typer.Context(command)):
        descriptor = getattr(option, "type_descriptor", None)
        choices = getattr(descriptor, "choices", None)
        if choices:
            found: tuple[Callable[[object], object], str] | None = choice_converter(tuple(choices))
        else:
            found = CONVERSIONS.get(getattr(descriptor, "annotation", None))
        if found:
            # Typer asks this method for what turns a word into a value.
            setattr(option, "get_runtime_param", partial(LightConverter, *found))  # noqa: B010


def choice_converter(choices: tuple[object, ...]) -> tuple[Callable[[object], object], str]:
    """The conversion of an option that takes one of a few words."""

    def choose(value: object) -> object:
        if value not in choices:
            raise ValueError
        return value

    return choose, "one of " + ", ".join(map(str, choices))
