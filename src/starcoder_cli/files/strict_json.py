"""JSON that is not trusted: an object without anything that two readers could read differently."""

import json
import math
from collections import Counter

from starcoder_cli.errors import MalformedError

MAX_JSON_VALUES = 1 << 20


def parse_object(data: bytes, max_values: int = MAX_JSON_VALUES) -> dict[str, object]:
    """The JSON object in some bytes of UTF-8 (RFC 8259).

    Raises MalformedError for anything else, for a key that is there twice, for numbers that are
    none (NaN, Infinity, 1e400), for what is nested too deeply, and for what may hold more than
    `max_values`.
    """
    if data.count(b"{") + data.count(b"[") + data.count(b",") > max_values:
        raise MalformedError("it holds too many values")
    try:
        value: object = json.loads(
            data.decode(),
            object_pairs_hook=_reject_duplicate_keys,
            parse_constant=_reject_constant,
            parse_float=_parse_finite,
        )
    except MalformedError:
        raise
    except RecursionError:
        raise MalformedError("it is nested too deeply") from None
    except ValueError as error:
        raise MalformedError("its JSON is broken") from error
    if not isinstance(value, dict):
        raise MalformedError("its JSON is not an object")
    return value


def _reject_duplicate_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object of some keys and values; two readers could differ about a key that repeats."""
    result = dict(pairs)
    if len(result) < len(pairs):
        ((duplicate, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise MalformedError(f"the key {duplicate[:80]!r} is there twice")
    return result


def _reject_constant(name: str) -> object:
    """Refuses NaN and infinities, which are not JSON."""
    raise MalformedError(f"{name} is not JSON")


def _parse_finite(text: str) -> float:
    """A number; MalformedError where it is larger than any."""
    number = float(text)
    if not math.isfinite(number):
        raise MalformedError("a number is too large")
    return number
