"""Sampling: values that have no meaning are refused before an engine takes them."""

import math
from typing import TypedDict

import pytest

from starcoder_cli.errors import UsageError
from starcoder_cli.model import Sampling


class Values(TypedDict, total=False):
    """What a sampling is made of."""

    max_tokens: int
    temperature: float
    top_p: float
    seed: int


@pytest.mark.parametrize(
    "values",
    [
        {"max_tokens": 1},
        {"max_tokens": 1_000_000},
        {"temperature": 0.0},
        {"temperature": 2.0},
        {"top_p": 0.000001},
        {"top_p": 1.0},
        {"seed": 0},
        {"seed": 2**32 - 2},
    ],
)
def test_values_up_to_the_limits_are_taken(values: Values) -> None:
    sampling = Sampling(**values)
    assert {name: getattr(sampling, name) for name in values} == values


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_tokens": 0}, "max_tokens cannot be 0; give a number from 1 to 1000000"),
        ({"max_tokens": -1}, "max_tokens cannot be -1; give a number from 1 to 1000000"),
        (
            {"max_tokens": 10**400},
            f"max_tokens cannot be {10**400}; give a number from 1 to 1000000",
        ),
        ({"temperature": -0.5}, "temperature cannot be -0.5; give a number from 0 to 2"),
        ({"temperature": math.nan}, "temperature cannot be nan; give a number from 0 to 2"),
        ({"temperature": math.inf}, "temperature cannot be inf; give a number from 0 to 2"),
        ({"top_p": 0}, "top_p cannot be 0; give a number from 1e-06 to 1"),
        ({"top_p": 1.1}, "top_p cannot be 1.1; give a number from 1e-06 to 1"),
        ({"seed": -1}, "seed cannot be -1; give a number from 0 to 4294967294"),
        (
            {"seed": 2**32 - 1},
            "seed cannot be 4294967295; give a number from 0 to 4294967294",
        ),
    ],
)
def test_values_without_a_meaning_are_usage_errors(values: Values, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Sampling(**values)
    assert str(caught.value) == message
