"""TOML that is not trusted: nothing that takes its reader more memory or time than it is worth."""

import re
import tomllib

from starcoder_cli.errors import MalformedError

MAX_TOML_BYTES = 256 << 10
MAX_KEY_PARTS = 16

# Strings and comments, which may hold anything (TOML 1.0); what is left has dots in numbers and
# between the parts of keys alone.
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
    """The tables and values in some bytes of TOML.

    Raises MalformedError for anything else, because of what the parser says; for more than
    `MAX_TOML_BYTES`, for what is nested too deeply, and for keys of more than `MAX_KEY_PARTS`
    parts, each of which costs tomllib a copy of all before it.
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
