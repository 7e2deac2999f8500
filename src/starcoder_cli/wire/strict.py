"""JSON as strangers send it: an object without anything that two readers could read differently."""

import json
import math
from collections.abc import Mapping
from typing import NoReturn

from starcoder_cli.wire.failures import ApiError


def strict_object(data: bytes) -> Mapping[str, object]:
    """The JSON object in some bytes of UTF-8.

    Raises ApiError for anything else, and for keys that are there twice, numbers that are none
    (NaN, Infinity, 1e400), lone surrogates and what is nested too deeply.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=unique,
            parse_constant=refuse,
            parse_float=finite,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise ApiError(400, "the request is not UTF-8, or has a lone surrogate") from error
    except RecursionError as error:
        raise ApiError(400, "the request is nested too deeply") from error
    except ValueError as error:
        raise ApiError(400, "the request is not valid JSON") from error
    if not isinstance(value, dict):
        raise ApiError(400, "the request is not a JSON object")
    return value


def unique(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    """The pairs as a mapping; ValueError where a key is there twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def refuse(name: str) -> NoReturn:
    """NaN and Infinity are not JSON."""
    raise ValueError(name)


def finite(text: str) -> float:
    """A number; ValueError where it is larger than any."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number
