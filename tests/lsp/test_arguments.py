"""What clients send in forms of their own, right and wrong."""

import pytest
from lsprotocol import types

from starcoder_cli.lsp.arguments import read_copilot_place, read_edit, read_position, read_range

PLACE = {"line": 1, "character": 2}
RANGE = {"start": PLACE, "end": {"line": 3, "character": 0}}
WRONG: list[object] = [None, 1, "a", [], {}, {"line": 1}, {"line": "1", "character": 2}]


def test_positions_and_ranges() -> None:
    assert read_position(PLACE) == types.Position(1, 2)
    assert read_range(RANGE) == types.Range(types.Position(1, 2), types.Position(3, 0))


def test_numbers_that_no_position_has_are_the_nearest() -> None:
    far = read_position({"line": -5, "character": 10**30})
    assert far == types.Position(0, 2**31 - 1)


@pytest.mark.parametrize("value", WRONG)
def test_what_is_no_position_is_none(value: object) -> None:
    assert read_position(value) is None
    assert read_range({"start": value, "end": PLACE}) is None
    assert read_range(value) is None
    assert read_copilot_place({"doc": {"uri": "a", "position": value}}) is None
    assert read_copilot_place(value) is None
    assert read_edit((value,)) is None


def test_a_place_of_copilot() -> None:
    assert read_copilot_place({"doc": {"uri": "a", "position": PLACE}}) == (
        "a",
        types.Position(1, 2),
    )


def test_an_edit() -> None:
    given = {"uri": "a", "range": RANGE, "instruction": "Do it."}
    found = read_edit((given,))
    assert found == ("a", read_range(RANGE), "Do it.")
    assert read_edit((given, given)) is None
    assert read_edit(()) is None
    assert read_edit(({**given, "instruction": " "},)) is None
    assert read_edit(({**given, "uri": 1},)) is None
