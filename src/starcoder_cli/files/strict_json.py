"""JSON that is not trusted: an object without anything that two readers could read differently."""

import json
import math
from collections import Counter

MAX_VALUES = 1 << 20


class MalformedError(ValueError):
    """What is wrong with the bytes: a clause about `it`, the file or the request."""


def parse_object(data: bytes, most_values: int = MAX_VALUES) -> dict[str, object]:
    """The JSON object in some bytes of UTF-8 (RFC 8259).

    Raises MalformedError for anything else, for a key that is there twice, for numbers that are
    none (NaN, Infinity, 1e400), for what is nested too deeply, and for what may hold more than
    `most_values`.
    """
    if data.count(b"{") + data.count(b"[") + data.count(b",") > most_values:
        raise MalformedError("it holds too many values")
    try:
        value: object = json.loads(
            data.decode(),
            object_pairs_hook=_each_key_once,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except MalformedError:
        raise
    except RecursionError:
        raise MalformedError("it is nested too deeply") from None
    except ValueError:
        raise MalformedError("its JSON is broken") from None
    if not isinstance(value, dict):
        raise MalformedError("its JSON is not an object")
    return value


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object of some keys and values; two readers could differ about a key that repeats."""
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise MalformedError(f"the key {twice[:80]!r} is there twice")
    return found


def _no_constant(name: str) -> object:
    """Refuses NaN and infinities, which are not JSON."""
    raise MalformedError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """A number; MalformedError where it is larger than any."""
    number = float(text)
    if not math.isfinite(number):
        raise MalformedError("a number is too large")
    return number
