"""Values as JSON between a program and its tests: only real built-in types arrive.

Lists, texts, numbers, booleans and None are JSON's own. Any other value is an object with one key
that names its type. What has no such form stays where it is and is sent as a number.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import cast

MAX_ITERATOR_ITEMS = 100_000
MAX_INT_DIGITS = 20_000

PackedValue = object
StoreObject = Callable[[object], int]
LoadObject = Callable[[int], object]


def pack(value: object, store: StoreObject) -> PackedValue:
    """Convert a value to JSON; `store` assigns a number to one that has no such form."""
    for scalar in (bool, int, float, str):
        if isinstance(value, scalar):
            return scalar(value)
    if value is None:
        return None
    if isinstance(value, list):
        return [pack(item, store) for item in value]
    for kind in (tuple, set, frozenset):
        if isinstance(value, kind):
            items = cast(Iterable[object], value)
            return {kind.__name__: [pack(item, store) for item in items]}
    if isinstance(value, dict):
        pairs = value.items()
        return {"dict": [[pack(key, store), pack(item, store)] for key, item in pairs]}
    return pack_other(value, store)


def pack_other(value: object, store: StoreObject) -> PackedValue:
    """Convert a value of one of the rarer types to JSON."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, range):
        return {"range": [value.start, value.stop, value.step]}
    if isinstance(value, type({}.keys())):
        keys = cast(Iterable[object], value)
        return {"keys": [pack(item, store) for item in keys]}
    if isinstance(value, Iterator):
        return {"iterator": [pack(item, store) for item in islice(value, MAX_ITERATOR_ITEMS)]}
    return {"object": store(value)}


def unpack(packed: PackedValue, load: LoadObject) -> object:
    """The value of a JSON form; raises ValueError, TypeError or RecursionError for any other."""
    if packed is None or isinstance(packed, bool | int | float | str):
        return packed
    if isinstance(packed, list):
        return [unpack(item, load) for item in packed]
    if not isinstance(packed, dict) or len(packed) != 1:
        raise ValueError("not one kind of value")
    kind, content = next(iter(packed.items()))
    if kind == "object":
        if type(content) is not int:
            raise TypeError("not the number of an object")
        return load(content)
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind not in UNPACKERS or not isinstance(content, list):
        raise ValueError("no such kind of value")
    return UNPACKERS[kind]([unpack(item, load) for item in content])


def dict_from_pairs(pairs: list[object]) -> dict[object, object]:
    """A dictionary from a list of key-value pairs."""
    return dict(cast(list[tuple[object, object]], pairs))


UNPACKERS: dict[str, Callable[[list[object]], object]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict_from_pairs,
    "keys": lambda items: dict.fromkeys(items).keys(),
    "iterator": iter,
    "complex": lambda parts: complex(*cast(list[float], parts)),
    "range": lambda parts: range(*cast(list[int], parts)),
}
