"""Values between a program and its tests: each comes back as it was, or not at all."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.sandbox.inside.values import MAX_ITERATOR_ITEMS, pack, unpack


def nothing(_: object) -> int:
    """No value here stays where it is."""
    raise AssertionError("no object")


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
plain = st.recursive(
    scalars.filter(lambda value: value == value)
    | st.binary(max_size=8)
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=4)
        | st.frozensets(st.integers() | st.text(max_size=4), max_size=4)
        | st.sets(st.integers(), max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(plain)
def test_values_come_back_as_they_were(value: object) -> None:
    found = unpack(json.loads(json.dumps(pack(value, nothing))), nothing)
    assert (found, type(found)) == (value, type(value))


class Count(int):
    """A number of a program's own."""


class Pair(NamedTuple):
    """A tuple of a program's own."""

    first: int
    second: int


@pytest.mark.parametrize(
    ("value", "packed"),
    [
        (True, True),
        (Count(3), 3),
        ((1, [2]), {"tuple": [1, [2]]}),
        (Pair(1, 2), {"tuple": [1, 2]}),
        ({1: "a"}, {"dict": [[1, "a"]]}),
        ({1: "a"}.keys(), {"keys": [1]}),
        (range(1, 9, 2), {"range": [1, 9, 2]}),
        (b"\x00\xff", {"bytes": "00ff"}),
        (1 - 2j, {"complex": [1.0, -2.0]}),
        (iter([1, 2]), {"iterator": [1, 2]}),
        (frozenset([1]), {"frozenset": [1]}),
    ],
)
def test_the_form_of_a_value(value: object, packed: object) -> None:
    found = pack(value, nothing)
    assert (found, type(found)) == (packed, type(packed))


def test_what_has_no_form_stays_and_is_known_by_its_number() -> None:
    kept: list[object] = []

    def store(value: object) -> int:
        kept.append(value)
        return len(kept) - 1

    values = [object(), len, nothing]
    packed = pack({"a": values}, store)
    assert packed == {"dict": [["a", [{"object": number} for number in range(3)]]]}
    assert unpack(packed, kept.__getitem__) == {"a": values}


def test_an_iterator_without_an_end_is_cut_off() -> None:
    packed = pack(iter(int, 1), nothing)
    assert packed == {"iterator": [0] * MAX_ITERATOR_ITEMS}


def test_keys_and_iterators_are_such_again() -> None:
    assert unpack({"keys": [1, 2]}, nothing) == {2: 0, 1: 0}.keys()
    items = unpack({"iterator": [3, 4]}, nothing)
    assert isinstance(items, Iterator)
    assert (next(items), list(items)) == (3, [4])


@pytest.mark.parametrize(
    "packed",
    [
        {},
        {"tuple": [], "set": []},
        {"Program": []},
        {"tuple": 1},
        {"bytes": "zz"},
        {"bytes": 1},
        {"object": True},
        {"object": "0"},
        {"object": None},
        {"set": [[1]]},
        {"dict": [1]},
        {"range": [0, 1.5]},
        {"complex": ["a"]},
        object(),
    ],
)
def test_what_is_no_form_is_an_error(packed: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        unpack(packed, nothing)


def test_a_form_that_is_nested_too_deeply_is_an_error() -> None:
    packed: object = 1
    for _ in range(100_000):
        packed = [packed]
    with pytest.raises(RecursionError):
        unpack(packed, nothing)
