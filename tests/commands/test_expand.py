"""A group of options in a command's signature, and on its command line."""

import inspect
from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer

from starcoder_cli.commands.expand import (
    expand_groups,
    flatten_group,
    flatten_parameter,
    gather_group,
    is_group,
)

Depth = Annotated[int, typer.Option("--depth", help="How deep.")]


@dataclass(frozen=True)
class Inner:
    """A group inside another."""

    depth: Depth = 1
    wide: bool = False


@dataclass(frozen=True)
class Outer:
    """A group with a group between its own options."""

    name: str = "a"
    inner: Inner = Inner()
    last: Annotated[list[str] | None, typer.Option("--last")] = None


@dataclass
class Calls:
    """What a command was called with."""

    made: list[tuple[object, ...]] = field(default_factory=list)


@pytest.fixture
def calls() -> Calls:
    """None so far."""
    return Calls()


def command_of(calls: Calls) -> typer.Typer:
    """A program of one command, which keeps what it is called with."""

    def measure(place: str, outer: Outer, quiet: bool = False) -> None:
        """Measure it."""
        calls.made.append((place, outer, quiet))

    app = typer.Typer(add_completion=False)
    app.command()(expand_groups(measure))
    return app


def run(app: typer.Typer, *words: str) -> None:
    """Run the program with some words."""
    app(list(words), standalone_mode=False)


def test_a_group_stands_in_its_place_as_one_parameter_an_option() -> None:
    def measure(place: str, outer: Outer, quiet: bool = False) -> None:
        """Measure it."""

    expanded = expand_groups(measure)
    parameters = inspect.signature(expanded).parameters
    assert [(name, each.default) for name, each in parameters.items()] == [
        ("place", inspect.Parameter.empty),
        ("name", "a"),
        ("depth", 1),
        ("wide", False),
        ("last", None),
        ("quiet", False),
    ]
    assert {each.kind for each in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert parameters["depth"].annotation == Depth
    assert expanded.__annotations__["depth"] == Depth
    assert (expanded.__name__, expanded.__doc__) == ("measure", "Measure it.")


def test_a_command_gets_its_groups_from_the_command_line(calls: Calls) -> None:
    app = command_of(calls)
    run(app, "here")
    run(app, "here", "--depth", "7", "--last", "x", "--last", "y", "--quiet")
    run(app, "--wide", "--name", "b", "there")
    assert calls.made == [
        ("here", Outer(), False),
        ("here", Outer("a", Inner(7), ["x", "y"]), True),
        ("there", Outer("b", Inner(1, True)), False),
    ]


def test_a_command_without_groups_is_called_as_it_is() -> None:
    made: list[tuple[int, int]] = []

    def add(one: int, other: int = 2) -> None:
        made.append((one, other))

    expand_groups(add)(one=1, other=3)
    assert made == [(1, 3)]


def test_a_group_is_put_together_from_the_values_of_its_options() -> None:
    values = {"name": "b", "depth": 2, "wide": True, "last": ["z"], "quiet": True}
    assert gather_group(Outer, values) == Outer("b", Inner(2, True), ["z"])
    with pytest.raises(KeyError):
        gather_group(Outer, {"name": "b"})


def test_an_option_stays_one_parameter() -> None:
    plain = inspect.Parameter("a", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=int)
    group = plain.replace(annotation=Inner)
    assert (is_group(plain), is_group(group)) == (False, True)
    (kept,) = flatten_parameter(plain)
    assert kept == plain.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    assert [each.name for each in flatten_parameter(group)] == ["depth", "wide"]


def test_a_group_is_its_options_again() -> None:
    group = Outer("b", Inner(3, True), ["c"])
    flat = flatten_group(group)
    assert flat == {"name": "b", "depth": 3, "wide": True, "last": ["c"]}
    assert gather_group(Outer, flat) == group
