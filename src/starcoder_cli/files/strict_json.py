"""Untrusted JSON: objects without anything that two parsers could read differently."""

import json
import math
from collections import Counter

from starcoder_cli.errors import MalformedError

MAX_JSON_VALUES = 1 << 20


def parse_object(data: bytes, max_values: int = MAX_JSON_VALUES) -> dict[str, object]:
    """Parse the JSON object in UTF-8 bytes (RFC 8259).

    Raises MalformedError for anything else, for duplicate keys, for non-finite numbers (NaN,
    Infinity, 1e400), for too deep nesting, and if there could be more than `max_values` values.
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
    """Build an object from its keys and values; parsers may disagree about duplicate keys."""
    result = dict(pairs)
    if len(result) < len(pairs):
        ((duplicate, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise MalformedError(f"the key {duplicate[:80]!r} is there twice")
    return result


def _reject_constant(name: str) -> object:
    """Reject NaN and infinities, which are not JSON."""
    raise MalformedError(f"{name} is not JSON")


def _parse_finite(text: str) -> float:
    """Parse a number; raises MalformedError if it is too large."""
    number = float(text)
    if not math.isfinite(number):
        raise MalformedError("a number is too large")
    return number
