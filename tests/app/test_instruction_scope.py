"""How much an instruction lets go."""

import sys
import time

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
        ("Make it a dataclass.", False, True, 0),
        ("Use a lock.", False, True, 0),
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


@pytest.mark.parametrize(
    "instruction",
    [
        "Remove unused functions and imports.",
        "Remove the unused imports and functions.",
        "Merge duplicate functions.",
        "Inline all small helpers.",
        "Drop all tests.",
        "Delete dead and unreachable code.",
        "Remove everything else.",
        "Remove all but main.",
        "Remove all of the getters and setters.",
        "Keep only the main function.",
        "Get rid of the other methods, and format the rest.",
        "All unused functions should be removed.",
        "We no longer need these classes.",
        "Remove code duplication.",
    ],
)
def test_definitions_go_if_the_instruction_says_so(instruction: str) -> None:
    assert InstructionScope.read(instruction).is_unspecific


@pytest.mark.parametrize(
    "instruction",
    [
        "Use f-strings in all functions.",
        "Convert all functions to f-strings.",
        "Rename n to count in all functions.",
        "Replace all % formatting by f-strings.",
        "Remove unused imports.",
        "Remove all print statements and format all functions.",
        "Strip all whitespace from the name.",
        "Drop Python 2 support in all functions.",
        "Use the other helper.",
        "Remove all comments of the functions.",
        "Remove all commented-out code.",
        "Remove all blank lines between functions.",
        "Remove duplicates from the list.",
        "Merge both loops of all functions.",
        "Move all imports to the top of the functions.",
        "Move the code that reads into read().",
        "Make all functions shorter by removing the loops.",
        "All print statements should be removed from the functions.",
    ],
)
def test_definitions_stay_if_something_else_goes(instruction: str) -> None:
    assert InstructionScope.read(instruction).nameless_definitions <= 1


def test_a_long_instruction_is_read_in_a_moment() -> None:
    start = time.process_time()
    for text in ("remove all " + "a " * 5000, "remove all, " * 1000, "a " * 5000 + "should"):
        InstructionScope.read(text)
    assert time.process_time() - start < 2


def test_a_name_or_a_part_of_it() -> None:
    assert is_named("g", "I do not need g.")
    assert is_named("debug_print", "Remove the debug helper.")
    assert is_named("debugPrint", "Remove the debug helper.")
    assert not is_named("save", "Remove the debug helper.")
    assert not is_named("from_class", "Remove from the class.")
