"""Expand option groups into individual command parameters, which Typer reads as options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any


def expand_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Replace each parameter that is a group with the options of the group."""
    signature = inspect.signature(command)
    parameters = [
        flat for each in signature.parameters.values() for flat in flatten_parameter(each)
    ]

    @wraps(command)
    def expanded(**values: object) -> None:
        command(
            **{
                name: gather_group(each.annotation, values) if is_group(each) else values[name]
                for name, each in signature.parameters.items()
            }
        )

    annotations = {each.name: each.annotation for each in parameters}
    setattr(expanded, "__signature__", signature.replace(parameters=parameters))  # noqa: B010
    expanded.__annotations__ = {**annotations, "return": None}
    return expanded


def is_group(parameter: inspect.Parameter) -> bool:
    """Whether a parameter is a group of options."""
    return is_dataclass(parameter.annotation)


def flatten_parameter(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """The parameter itself, or one parameter for each option of its group."""
    if not is_group(parameter):
        return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
    options = [
        inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=each.type
        )
        for each in fields(parameter.annotation)
    ]
    return [flat for option in options for flat in flatten_parameter(option)]


def gather_group(group: Any, values: Mapping[str, object]) -> Any:
    """Build a group from the values of its options."""
    return group(
        **{
            each.name: gather_group(each.type, values)
            if is_dataclass(each.type)
            else values[each.name]
            for each in fields(group)
        }
    )


def flatten_group(group: Any) -> dict[str, object]:
    """The options of a group and its subgroups by name: the reverse of `gather_group`."""
    flat: dict[str, object] = {}
    for each in fields(group):
        value = getattr(group, each.name)
        flat.update(flatten_group(value) if is_dataclass(each.type) else {each.name: value})
    return flat
