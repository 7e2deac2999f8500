"""Arguments for functions that nobody has called yet: values by type, by name and by what is known.

They need not be likely, only tell functions apart: empty ones, equal ones, negative ones.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CALL_COUNT = 60
NAMELESS_CALL_COUNT = 120
"""How many calls are made up; the second if a parameter's type is unknown."""

MAX_KNOWN_CALLS = 20
"""How many of the calls found in a text are made, each of them also with three variations."""

INTEGERS = (0, 1, 2, 3, 4, 5, 7, 10, 12, 13, 25, 100, -1, -5)
FLOATS = (0.0, 1.0, 2.5, -1.5, 3.75, 10.0, 99.99)
STRINGS = (
    *("", "a", "ab", "abc", "Hello World", "racecar", "aAbB1!", "12", "3 4 5"),
    *("hello, big world", "(()())", "xyyz", "one two two three"),
)
INTEGER_LISTS: Sequence[list[int]] = (
    *(
        [],
        [1],
        [1, 2, 3],
        [3, 1, 2],
        [5, 5, 5],
        [-1, 0, 4, 2],
        [1, 2, 2, 3, 1],
        [10, 20, 3, 4, 5, 6],
    ),
    *([4, 3, 2, 1], [0, 0], [7, -7, 14], [2, 4, 6, 8], [1, 3, 5, 7, 9]),
)
STRING_LISTS: Sequence[list[str]] = (
    *([], ["a"], ["a", "b", "c"], ["abc", "ab", "a"], ["Hello", "world"], ["x", "x", "y"]),
    *(["apple", "Banana", "kiwi", "apple"], ["", "aa", "b"], ["one", "three", "five"]),
)
POOLS: Mapping[str, Sequence[object]] = {
    "int": INTEGERS,
    "float": (*FLOATS, 2.0, 4.0),
    "str": STRINGS,
    "bool": (True, False),
    "none": (None,),
    "list[int]": INTEGER_LISTS,
    "list[str]": STRING_LISTS,
    "list[float]": ([], [1.0], [1.5, 2.5, 0.5], [-1.0, 3.25, 2.0, 2.0], [10.0, 0.1]),
    "list[list[int]]": (
        [],
        [[1]],
        [[1, 2], [3, 4]],
        [[3, 1, 2], [], [5, 5]],
        [[0, 1], [1, 0], [2, 2]],
    ),
    "list[list[str]]": ([], [["a"]], [["a", "b"], ["c"]], [["x", "y"], ["x"], []]),
    "list[tuple]": ([], [(1, 2)], [(1, 3), (2, 1), (3, 2)], [("a", 2), ("b", 1)]),
    "tuple": ((), (1,), (1, 2, 3), (4, 5, 4), (3, -1, 2, 7), (10, 20)),
    "set": (set(), {1}, {1, 2, 3}, {2, 4, 6}),
    "dict": ({}, {"a": 1}, {"a": 1, "b": 2}, {"x": 3, "y": 1, "z": 2}, {"k": -1, "a": 5}),
}
MIXED = ("int", "str", "list[int]", "list[str]", "list[list[int]]", "tuple", "dict", "float")
NAME_PATTERNS = (
    (re.compile(r"(?i)(words|strings|strs|names|lines|texts)$"), "list[str]"),
    (re.compile(r"(?i)(matrix|grid|board|rows)\d?$"), "list[list[int]]"),
    (
        re.compile(r"(?i)(l|ls|lst|list|arr|array|nums|numbers|xs|items|values)_?\d?$|list"),
        "list[int]",
    ),
    (
        re.compile(r"(?i)(s|st|string|str|text|txt|word|sentence|name|line|char|ch|key)_?\d?$"),
        "str",
    ),
    (re.compile(r"(?i)(n|k|i|j|m|num|number|count|size|index|limit|x|y|a|b|c)_?\d?$"), "int"),
    (re.compile(r"(?i)(d|dict|dic|mapping|map)_?\d?$"), "dict"),
    (re.compile(r"(?i)(t|tup|tuple)\w?_?\d?$"), "tuple"),
)


@dataclass(frozen=True)
class Parameter:
    """A parameter: its name, the keys of POOLS that its type may be, and constants seen near it.

    No keys means that the type is unknown.
    """

    name: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class KnownValues:
    """The values found in a text: whole arguments of calls, and the constants of a function."""

    calls: tuple[tuple[object, ...], ...] = ()
    constants: tuple[object, ...] = field(default=())


def make_arguments(
    parameters: Sequence[Parameter], known: KnownValues, seed: str
) -> list[tuple[object, ...]]:
    """Arguments for calls: known ones first, then variations of them, then made-up ones."""
    chance = random.Random(seed)
    fitting = {repr(each): each for each in known.calls if len(each) == len(parameters)}
    calls = list(fitting.values())[:MAX_KNOWN_CALLS]
    if not parameters:
        return [()]
    kinds = [infer_kinds(parameter, at, calls) for at, parameter in enumerate(parameters)]
    pools = [pool_of(each, known.constants) for each in kinds]
    for each in list(calls):
        calls += [vary(each, chance) for _ in range(3)]
    count = CALL_COUNT if all(kinds) else NAMELESS_CALL_COUNT
    for number in range(count):
        calls.append(
            tuple(
                pool[number % len(pool)] if at == number % len(pools) else chance.choice(pool)
                for at, pool in enumerate(pools)
            )
        )
    return list({repr(each): each for each in calls}.values())


def infer_kinds(
    parameter: Parameter, at: int, calls: Sequence[tuple[object, ...]]
) -> tuple[str, ...]:
    """A parameter's kinds: by its type, else by arguments it was given, else by its name."""
    if parameter.kinds:
        return parameter.kinds
    seen = tuple(dict.fromkeys(kind_of(each[at]) for each in calls))
    if seen:
        return seen
    name = next((kind for pattern, kind in NAME_PATTERNS if pattern.match(parameter.name)), "")
    return (name,) if name else ()


def pool_of(kinds: Sequence[str], constants: Sequence[object]) -> list[object]:
    """The values of these kinds, alternating; without any kind, those of all."""
    pools = [list(POOLS.get(kind, ())) for kind in kinds or MIXED]
    values = [pool[at] for at in range(max(map(len, pools))) for pool in pools if at < len(pool)]
    for constant in constants:
        if kind_of(constant) in kinds and constant not in values:
            values.append(constant)
            if kind_of(constant) == "int":
                values += [constant + 1, constant - 1]  # type: ignore[operator]
    return values or [None]


def kind_of(value: object) -> str:
    """The key of POOLS for a value."""
    if value is None:
        return "none"
    if isinstance(value, list):
        inner = kind_of(value[0]) if value else "int"
        name = "tuple" if inner == "tuple" else inner
        return f"list[{name}]" if f"list[{name}]" in POOLS else "list[int]"
    return type(value).__name__


def vary(arguments: tuple[object, ...], chance: random.Random) -> tuple[object, ...]:
    """The arguments, with one of them slightly different."""
    at = chance.randrange(len(arguments))
    return (*arguments[:at], vary_value(arguments[at], chance), *arguments[at + 1 :])


def vary_value(value: object, chance: random.Random) -> object:
    """A slightly different value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + chance.choice((-2, -1, 1, 2, 10))
    if isinstance(value, float):
        return value + chance.choice((-1.0, 0.5, 2.0))
    if isinstance(value, (str, list, tuple)) and value:
        at = chance.randrange(len(value))
        return chance.choice((value[::-1], value[:at], value[at:], value * 2))
    return value
