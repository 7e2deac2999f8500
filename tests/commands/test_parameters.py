"""Words of a command line, a variable or a configuration file as values."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import pytest
import typer

from starcoder_cli.commands.parameters import (
    CONVERSIONS,
    LightConverter,
    choice_converter,
    parse_integer,
    parse_number,
    parse_switch,
    parse_text,
    use_light_converters,
)

Parse = Callable[[object], object]


@dataclass
class One:
    """An option that is given once."""

    multiple: bool = False
    nargs: int = 1


MANY = One(multiple=True)
REST = One(nargs=-1)


@pytest.mark.parametrize(
    ("parse", "given", "value"),
    [
        *((parse_switch, text, True) for text in (True, "1", "true", "YES", " on ")),
        *((parse_switch, text, False) for text in (False, "0", "False", "no", "off", "", " ")),
        (parse_integer, "7", 7),
        (parse_integer, " -7 ", -7),
        (parse_integer, 7, 7),
        (parse_number, "1e3", 1000.0),
        (parse_number, 7, 7.0),
        (parse_number, ".5", 0.5),
        (parse_text, "", ""),
        (parse_text, "7", "7"),
    ],
)
def test_a_word_becomes_a_value(parse: Parse, given: object, value: object) -> None:
    found = parse(given)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("parse", "given"),
    [
        *((parse_switch, given) for given in ("maybe", "2", 2, None)),
        *((parse_integer, given) for given in ("1.5", "many", "", 1.0, True, None, [1])),
        *((parse_number, given) for given in ("hot", "", True, None, [1.0])),
        *((parse_text, given) for given in (7, True, None, ["a"])),
    ],
)
def test_what_has_no_value_of_the_kind_is_refused(parse: Parse, given: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it has no message: the converter names it
        parse(given)


@pytest.mark.parametrize(
    ("option", "given", "value"),
    [
        (One(), None, None),
        (One(), "7", 7),
        (MANY, None, ()),
        (MANY, ["1", 2], [1, 2]),
        (MANY, (), []),
        (REST, None, ()),
        (REST, ("3",), [3]),
    ],
)
def test_an_option_that_may_be_given_again_is_a_list(
    option: One, given: object, value: object
) -> None:
    assert LightConverter(*CONVERSIONS[int]).coerce(given, option, None) == value


@pytest.mark.parametrize(
    ("kind", "option", "given", "told"),
    [
        (int, One(), "many", "'many' is not a whole number"),
        (float, One(), "\x1b[31m", "'\\x1b[31m' is not a number"),
        (bool, One(), "maybe", "'maybe' is not yes or no"),
        (str, One(), 7, "7 is not a text"),
        (list[str], MANY, "a", "'a' is not a list of texts"),
        (list[str], MANY, ["a", 1], "['a', 1] is not a list of texts"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(
    kind: object, option: One, given: object, told: str
) -> None:
    with pytest.raises(typer.BadParameter) as caught:
        LightConverter(*CONVERSIONS[kind]).coerce(given, option, "context")
    assert str(caught.value) == told
    error: Any = caught.value
    assert (error.param, error.ctx) == (option, "context")


def test_a_choice_is_one_of_a_few_words() -> None:
    converter = LightConverter(*choice_converter(("psm", "spm")))
    assert converter.coerce("spm", One(), None) == "spm"
    for given in ("mps", "PSM", "", 1):
        with pytest.raises(typer.BadParameter, match="is not one of psm, spm"):
            converter.coerce(given, One(), None)


def test_a_commands_options_are_converted_by_ours() -> None:
    """And by none of Typer's own, which are slow to make."""
    seen: list[tuple[object, ...]] = []
    app = typer.Typer(add_completion=False)

    @app.command()
    def measure(
        names: Annotated[list[str] | None, typer.Argument()] = None,
        count: int = 1,
        share: float = 0.5,
        order: Literal["psm", "spm"] = "psm",
        quiet: bool = False,
        note: str | None = None,
    ) -> None:
        seen.append((names, count, share, order, quiet, note))

    command = typer.main.get_command(app)
    use_light_converters(cast("typer.core.TyperCommand", command))
    ours = [each for each in command.params if hasattr(each, "get_runtime_param")]
    made = [type(getattr(each, "get_runtime_param")()) for each in ours]  # noqa: B009
    assert made == [LightConverter] * 6
    command.main(["a", "b", "--count", "2", "--order", "spm", "--quiet"], standalone_mode=False)
    command.main(["--share", "1", "--note", ""], standalone_mode=False)
    assert seen == [
        (["a", "b"], 2, 0.5, "spm", True, None),
        (None, 1, 1.0, "psm", False, ""),
    ]
    with pytest.raises(typer.BadParameter, match="'x' is not a whole number"):
        command.main(["--count", "x"], standalone_mode=False)
