"""Values as JSON between a program and its tests: what arrives is of honest built-in types.

Lists, texts, numbers, booleans and None are JSON's own. Any other value is an object with one key
that names its type. What has no such form stays where it is and travels as its number.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import cast

MOST_ITEMS = 100_000
MOST_DIGITS = 20_000

Json = object
Keep = Callable[[object], int]
Find = Callable[[int], object]


def pack(value: object, keep: Keep) -> Json:
    """A value as JSON; `keep` numbers one that has no such form."""
    for scalar in (bool, int, float, str):
        if isinstance(value, scalar):
            return scalar(value)
    if value is None:
        return None
    if isinstance(value, list):
        return [pack(item, keep) for item in value]
    for kind in (tuple, set, frozenset):
        if isinstance(value, kind):
            items = cast(Iterable[object], value)
            return {kind.__name__: [pack(item, keep) for item in items]}
    if isinstance(value, dict):
        pairs = value.items()
        return {"dict": [[pack(key, keep), pack(item, keep)] for key, item in pairs]}
    return pack_other(value, keep)


def pack_other(value: object, keep: Keep) -> Json:
    """A value of the rarer types as JSON."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, range):
        return {"range": [value.start, value.stop, value.step]}
    if isinstance(value, type({}.keys())):
        keys = cast(Iterable[object], value)
        return {"keys": [pack(item, keep) for item in keys]}
    if isinstance(value, Iterator):
        return {"iterator": [pack(item, keep) for item in islice(value, MOST_ITEMS)]}
    return {"object": keep(value)}


def unpack(form: Json, find: Find) -> object:
    """The value of a JSON form; ValueError, TypeError or RecursionError where it is none."""
    if form is None or isinstance(form, bool | int | float | str):
        return form
    if isinstance(form, list):
        return [unpack(item, find) for item in form]
    if not isinstance(form, dict) or len(form) != 1:
        raise ValueError("not one kind of value")
    kind, content = next(iter(form.items()))
    if kind == "object":
        if type(content) is not int:
            raise TypeError("not the number of an object")
        return find(content)
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind not in KINDS or not isinstance(content, list):
        raise ValueError("no such kind of value")
    return KINDS[kind]([unpack(item, find) for item in content])


def pairs(items: list[object]) -> dict[object, object]:
    """A dictionary from a list of keys with values."""
    return dict(cast(list[tuple[object, object]], items))


KINDS: dict[str, Callable[[list[object]], object]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": pairs,
    "keys": lambda items: dict.fromkeys(items).keys(),
    "iterator": iter,
    "complex": lambda parts: complex(*cast(list[float], parts)),
    "range": lambda parts: range(*cast(list[int], parts)),
}
