"""Arguments that are made up for calls."""

from starcoder_cli.candidates.checks.arguments import (
    CALL_COUNT,
    MAX_KNOWN_CALLS,
    NAMELESS_CALL_COUNT,
    KnownValues,
    Parameter,
    make_arguments,
    vary_value,
)


def test_a_type_decides_what_is_given() -> None:
    made = make_arguments([Parameter("x", ("int",)), Parameter("y", ("str",))], KnownValues(), "f")
    assert {(type(x), type(y)) for x, y in made} == {(int, str)}
    assert CALL_COUNT // 2 < len(made) <= CALL_COUNT


def test_the_same_arguments_are_made_each_time() -> None:
    parameters = [Parameter("words"), Parameter("x")]
    first, second = (make_arguments(parameters, KnownValues(), "f") for _ in range(2))
    assert first == second


def test_known_arguments_come_first_and_tell_the_types() -> None:
    known = KnownValues(calls=((["b", "a"], 2.5), (1, 2, 3)))
    made = make_arguments([Parameter("x"), Parameter("y")], known, "f")
    assert made[0] == (["b", "a"], 2.5)
    assert all(isinstance(x, list) and isinstance(y, float) for x, y in made)
    assert all(isinstance(word, str) for x, _ in made if isinstance(x, list) for word in x)


def test_of_many_known_calls_some_are_made() -> None:
    known = KnownValues(calls=tuple((number % 500,) for number in range(2000)))
    made = make_arguments([Parameter("n", ("int",))], known, "f")
    assert made[:3] == [(0,), (1,), (2,)]
    assert len(made) <= 4 * MAX_KNOWN_CALLS + CALL_COUNT


def test_a_name_stands_for_a_type() -> None:
    for name, kind in (
        ("s", str),
        ("numbers", list),
        ("n", int),
        ("mapping", dict),
        ("tup1", tuple),
    ):
        made = make_arguments([Parameter(name)], KnownValues(), "f")
        assert {type(value) for (value,) in made} == {kind}


def test_a_parameter_that_nothing_is_known_of_gets_a_bit_of_everything() -> None:
    made = make_arguments([Parameter("thing")], KnownValues(), "f")
    assert {int, str, list, tuple, dict, float} <= {type(value) for (value,) in made}
    assert len(made) <= NAMELESS_CALL_COUNT


def test_constants_of_the_function_are_tried_and_their_neighbours() -> None:
    made = make_arguments([Parameter("n", ("int",))], KnownValues(constants=(365, "no")), "f")
    assert {(364,), (365,), (366,)} <= set(made)


def test_a_function_without_parameters_is_called_once() -> None:
    assert make_arguments([], KnownValues(), "f") == [()]


def test_a_varied_value_keeps_its_type() -> None:
    import random

    chance = random.Random(1)
    for value in (True, 3, 2.5, "abc", [1, 2], (1, 2), {"a": 1}, None, ""):
        varied = {repr(vary_value(value, chance)) for _ in range(20)}
        assert all(type(eval(text)) is type(value) for text in varied)
        assert (varied != {repr(value)}) == (value not in ({"a": 1}, None, ""))
