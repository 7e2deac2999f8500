"""Clauses that describe what is wrong with a field of a request."""

from collections.abc import Mapping
from typing import Any

KINDS: Mapping[type, str] = {
    bool: "a boolean",
    int: "a number",
    float: "a number with a fraction",
    str: "a text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
"""JSON's types in plain words."""

EXPECTED_KINDS: Mapping[str, str] = {
    "bool_type": "a boolean",
    "dict_type": "an object",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_attributes_type": "an object",
    "model_type": "an object",
    "string_type": "a text",
}
"""What a field has to be, by pydantic's error type."""

BOUNDS: Mapping[str, str] = {
    "greater_than_equal": "has to be {ge:.20g} or more",
    "less_than_equal": "has to be {le:.20g} or less",
    "literal_error": "has to be {expected}",
    "string_too_long": "has more than {max_length} characters",
    "string_too_short": "is empty",
    "too_long": "has more than {max_length} entries",
    "too_short": "is empty",
    "missing": "is missing",
    "value_error": "{error}",
}
"""Faults in values of the right type, by pydantic's error type."""


def kind_of_value(value: object) -> str:
    """The JSON type of a value in plain words."""
    return KINDS.get(type(value), "something else")


def describe_fault(fault: Mapping[str, Any]) -> str:
    """Describe a pydantic error as a clause about its field, without the field's value."""
    kind = fault["type"]
    if kind in EXPECTED_KINDS:
        return f"has to be {EXPECTED_KINDS[kind]}, not {kind_of_value(fault['input'])}"
    if kind in BOUNDS:
        return BOUNDS[kind].format(**fault.get("ctx", {}))
    return f"is not taken: {fault['msg']}"
