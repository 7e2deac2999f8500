"""Characters that a terminal would obey, or hide, are shown instead."""

import unicodedata

import pytest

from starcoder_cli.terminal.sanitize import find_unsafe_characters, sanitize, to_one_line

# Cc and Cs come from Python's own table; it has no table of the other property, which is that of
# DerivedCoreProperties.txt, version 16.
DEFAULT_IGNORABLE = {
    *(0x00AD, 0x034F, 0x061C, *range(0x115F, 0x1161), *range(0x17B4, 0x17B6)),
    *(*range(0x180B, 0x1810), *range(0x200B, 0x2010), *range(0x202A, 0x202F)),
    *(*range(0x2060, 0x2070), 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0),
    *(*range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)),
    *range(0xE0000, 0xE1000),
}
KEPT = {0x09, 0x0A, 0x200C, 0x200D, 0xFE0E, 0xFE0F}


def is_unsafe(code: int) -> bool:
    """Whether Unicode says that a character is a control, invisible, or none at all."""
    return code not in KEPT and (
        unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp")
        or code in DEFAULT_IGNORABLE
        or code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
        or 0xFFF9 <= code <= 0xFFFB
    )


def test_exactly_the_unsafe_characters_of_unicode_are_replaced() -> None:
    ends = [plane + last for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)]
    every = [*range(0x20000), *range(0xE0000, 0xE1100), *ends]  # the rest are letters, or nothing
    judged = [(chr(code), is_unsafe(code)) for code in every]
    safe = "".join(character for character, unsafe in judged if not unsafe)
    unsafe = "".join(character for character, unsafe in judged if unsafe)
    assert sanitize(safe) == safe
    assert not set(sanitize(unsafe)) & set(unsafe)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]8;;http://evil\x07safe\x1b]8;;\x07", "␛]8;;http://evil␇safe␛]8;;␇"),
        ("\x1b]52;c;aGk=\x1b\\", "␛]52;c;aGk=␛\\"),
        ("\x1bP+q\x1b\\", "␛P+q␛\\"),
        ("\x9b31m\x9d0;t\x9c", "<U+009B>31m<U+009D>0;t<U+009C>"),
        ("a\bb\x7f\0", "a␈b␡␀"),
        ("over\rwritten", "over␍written"),
        ("a\r\nb\r\r\nc", "a\nb␍\nc"),
        ("\tif x:\n", "\tif x:\n"),
        ("\u202eltr\u2066", "<U+202E>ltr<U+2066>"),
        ("a\u200bb\ufeffc\u2028d", "a<U+200B>b<U+FEFF>c<U+2028>d"),
        ("\U000e0041\U000e007f", "<U+E0041><U+E007F>"),
        ("\udcff\ufffe", "<U+DCFF><U+FFFE>"),
        ("👩\u200d💻 ❤\ufe0f e\u0301 日本 क\u200cष", "👩\u200d💻 ❤\ufe0f e\u0301 日本 क\u200cष"),
        ("values[index] row[/b] :smile: [red]", "values[index] row[/b] :smile: [red]"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert sanitize(text) == shown
    assert sanitize(shown) == shown


@pytest.mark.parametrize("size", range(1, 9))
def test_a_sequence_that_is_split_over_chunks_is_shown_alike(size: int) -> None:
    text = "a\x1b]0;title\x07b\x1b[31mc\x9b2J\u202ed\U000e0041"
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert "".join(map(sanitize, pieces)) == sanitize(text)


def test_a_message_is_one_line_of_limited_width() -> None:
    assert to_one_line("cannot read\n  two\r\nlines\x1b[2J.py") == "cannot read two lines␛[2J.py"
    assert to_one_line("word " * 100, 12) == "word word w…"
    assert to_one_line("just so long", 12) == "just so long"


def test_hidden_characters_that_are_not_known() -> None:
    assert find_unsafe_characters("a\u202eb\x1b\u202e\n\t\u200d", "\u200b") == "\x1b\u202e"
    assert find_unsafe_characters("a\u202eb\x1b", "\x1b") == "\u202e"
    assert find_unsafe_characters("a\r\n", "\r\n") == ""
