"""Untrusted TOML: refuse what would cost the parser too much memory or time."""

import re
import tomllib

from starcoder_cli.errors import MalformedError

MAX_TOML_BYTES = 256 << 10
MAX_KEY_PARTS = 16

# Strings and comments, which may contain anything (TOML 1.0); in the rest, dots occur only in
# numbers and between the parts of keys.
OPAQUE_TEXT = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*+'"
    r"|#[^\n]*+",
    re.DOTALL,
)
LONG_KEY = re.compile(rf"(?:\.[^.,={{}}\[\]\n]*+){{{MAX_KEY_PARTS}}}")


def parse_toml(data: bytes) -> dict[str, object]:
    """Parse the tables and values in TOML bytes.

    Raises MalformedError for anything else, caused by the parser's error; for more than
    `MAX_TOML_BYTES`, for too deep nesting, and for keys of more than `MAX_KEY_PARTS` parts, each of
    which makes tomllib copy all before it.
    """
    if len(data) > MAX_TOML_BYTES:
        raise MalformedError(f"it is larger than {MAX_TOML_BYTES >> 10} KiB")
    try:
        text = data.decode()
        if LONG_KEY.search(OPAQUE_TEXT.sub("", text)):
            raise MalformedError(f"it has a key of more than {MAX_KEY_PARTS} parts")
        return tomllib.loads(text)
    except MalformedError:
        raise
    except RecursionError:
        raise MalformedError("it is nested too deeply") from None
    except ValueError as error:
        raise MalformedError("its TOML is broken") from error
