"""Make characters that a terminal would obey, or hide, visible.

Untrusted text (a model's answer, a file name, a library's message) passes through here on its way
to a terminal. Each character is judged alone, so an escape sequence that is split over two chunks
is caught like a whole one. What is replaced: control characters other than tab and line feed,
bidirectional controls (Trojan Source, CVE-2021-42574), invisible characters, tag characters,
surrogates and non-characters. Joiners and variation selectors 15 and 16 stay: emoji need them.
"""

import re

ALLOWED = "\t\n"

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\ufdd0-\ufdef"
    "\ud800-\udfff"
    "\U000e0000-\U000e0fff"
    "]|[\ufffe\uffff\U0001fffe\U0001ffff\U000efffe\U000effff\U0010fffe\U0010ffff]"
)


def sanitize(text: str) -> str:
    """The text with every unsafe character as a visible one: ESC as `␛`, U+202E as `<U+202E>`."""
    return UNSAFE.sub(lambda match: visible(match.group()), text.replace("\r\n", "\n"))


def visible(character: str) -> str:
    """How one unsafe character is shown."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"


def one_line(text: str, width: int = 300) -> str:
    """Sanitised text without line breaks, at most `width` characters: for messages."""
    line = " ".join(sanitize(text).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
