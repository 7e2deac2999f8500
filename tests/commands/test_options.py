"""The options that commands share: each has a help, a variable and a name of its own."""

from collections import Counter
from typing import Annotated, get_args, get_origin

import pytest
from typer.models import OptionInfo

from starcoder_cli.commands import options
from starcoder_cli.settings import environment_name

PANELS = {text for name, text in vars(options).items() if name.endswith("_PANEL")}
WITHOUT_VARIABLE = {"Batch", "Output"}
"""What belongs to one call alone: a variable for it would only do harm."""


def declared() -> dict[str, OptionInfo]:
    """Each option by its name here."""
    return {
        name: next(each for each in get_args(value) if isinstance(each, OptionInfo))
        for name, value in vars(options).items()
        if get_origin(value) is Annotated
    }


OPTIONS = declared()


def flags_of(option: OptionInfo) -> list[str]:
    """The flags that are declared; Typer keeps the first where a default would be."""
    declared = (option.default, *(option.param_decls or ()))
    return [flag for flag in declared if isinstance(flag, str)]


def option_name(name: str) -> str:
    """The name that an option has in Python: as its long flag, or as it is called here."""
    flags = [flag for flag in flags_of(OPTIONS[name]) if flag.startswith("--")]
    if flags:
        return flags[0].removeprefix("--").replace("-", "_")
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def test_all_of_them_are_looked_at() -> None:
    assert len(OPTIONS) > 40
    assert flags_of(OPTIONS["ModelName"]) == ["--model", "-m"]
    assert flags_of(OPTIONS["MaxTokens"]) == []


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_has_a_help_that_is_a_sentence(name: str) -> None:
    text = OPTIONS[name].help
    assert text and text[0].isupper() | text[0].isdigit() and text.endswith(".")
    assert "\n" not in text and "  " not in text


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_has_the_variable_of_its_name(name: str) -> None:
    expected = None if name in WITHOUT_VARIABLE else environment_name(option_name(name))
    assert OPTIONS[name].envvar == expected


@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - {"IndexFile"}))
def test_an_option_stands_in_a_panel_of_the_help(name: str) -> None:
    assert OPTIONS[name].rich_help_panel in PANELS


def test_no_flag_and_no_variable_means_two_things() -> None:
    flags = Counter(flag for each in OPTIONS.values() for flag in flags_of(each))
    names = Counter(map(option_name, OPTIONS))
    assert [flag for flag, count in (flags + names).items() if count > 1] == []
