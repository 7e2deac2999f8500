"""How much an instruction lets go."""

import sys

import pytest

from starcoder_cli.app.instruction_scope import InstructionScope, is_named


@pytest.mark.parametrize(
    ("instruction", "takes_away", "writes_anew", "nameless"),
    [
        ("Return 0 for an empty list.", False, False, 0),
        ("Call save in remove_item too.", False, False, 0),
        ("Throw in removeItem if there is none.", False, False, 0),
        ("self.delete() has to be called.", False, False, 0),
        ("Remove the debug output.", True, False, 0),
        ("Delete the second test.", True, False, 1),
        ("Empty the body.", True, False, 0),
        ("Make it a dataclass.", False, True, 1),
        ("Use a lock.", False, True, 1),
        ("Remove what is unused.", True, False, sys.maxsize),
        ("Merge the helpers.", False, True, sys.maxsize),
    ],
)
def test_scopes(instruction: str, takes_away: bool, writes_anew: bool, nameless: int) -> None:
    scope = InstructionScope.read(instruction)
    assert (scope.takes_away, scope.writes_anew, scope.nameless_definitions) == (
        *(takes_away, writes_anew, nameless),
    )
    assert scope.changes_much == (takes_away or writes_anew)
    assert scope.is_unspecific == (nameless == sys.maxsize)


def test_a_name_or_a_part_of_it() -> None:
    assert is_named("g", "I do not need g.")
    assert is_named("debug_print", "Remove the debug helper.")
    assert is_named("debugPrint", "Remove the debug helper.")
    assert not is_named("save", "Remove the debug helper.")
    assert not is_named("from_class", "Remove from the class.")
