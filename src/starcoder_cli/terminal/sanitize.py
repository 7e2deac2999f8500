"""Make characters visible that a terminal would interpret or hide.

Untrusted text (a model's answer, a file name, a library's message) passes through here on its way
to a terminal. Each character is judged alone, so an escape sequence split between two chunks is
caught like a whole one. What is replaced: control characters other than tab and line feed,
bidirectional controls (Trojan Source, CVE-2021-42574), what Unicode calls default-ignorable
(invisible and tag characters), line and paragraph separators, surrogates and non-characters.
Joiners and variation selectors 15 and 16 stay: emoji need them.
"""

import re

UNICODE_PLANES = range(0, 0x110000, 0x10000)
NON_CHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in UNICODE_PLANES
)
UNSAFE_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    f"\ud800-\udfff{NON_CHARACTERS}]"
)


def sanitize(text: str) -> str:
    """Replace unsafe characters with visible ones: ESC with `␛`, U+202E with `<U+202E>`."""
    return UNSAFE_CHARACTERS.sub(
        lambda match: make_visible(match.group()), text.replace("\r\n", "\n")
    )


def find_unsafe_characters(text: str, allowed: str) -> str:
    """Each unsafe character of a text once, except for allowed ones."""
    return "".join(
        character
        for character in sorted(set(UNSAFE_CHARACTERS.findall(text)))
        if character not in allowed
    )


def make_visible(character: str) -> str:
    """How an unsafe character is shown."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"


def to_one_line(text: str, width: int = 300) -> str:
    """Sanitised text without line breaks, at most `width` characters: for messages."""
    line = " ".join(sanitize(text).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
