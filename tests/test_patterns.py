"""Patterns that foreign texts meet: each takes time that grows with the text, not with its square.

A repository can hold a file that repeats anything. Every pattern is tried with texts that repeat
each of many units; what uses several of them is tried as a whole.
"""

from collections.abc import Callable

import pytest

from growth import HOSTILE_UNITS, grows_linearly, processor_seconds
from patterns import UsedPattern, find_patterns
from starcoder_cli.app.losses import BOUND_NAMES
from starcoder_cli.attribution.licences import COPYRIGHT_LINE
from starcoder_cli.candidates.checks.javascript import COMMENT_MARKS, jsdoc_types
from starcoder_cli.candidates.functions import RECEIVER, find_functions
from starcoder_cli.engines.endpoint.tokenizer import CONTROL_TOKEN_PATTERN
from starcoder_cli.postprocess.hole_lines import without_blank_end
from starcoder_cli.postprocess.repeated_prefix import beginnings
from starcoder_cli.postprocess.suffix_match import CALLED

Look = Callable[[str], object]

LOOKS: dict[str, Look] = {
    "names that something binds": lambda text: list(BOUND_NAMES.finditer(text)),
    "lines of copyright": lambda text: COPYRIGHT_LINE.sub("", text),
    "marks of comments": lambda text: COMMENT_MARKS.sub("", text),
    "types in JSDoc": jsdoc_types,
    "receivers in Go": RECEIVER.match,
    "control tokens": CONTROL_TOKEN_PATTERN.fullmatch,
    "blank lines at the end": without_blank_end,
    "the beginning of a line": lambda text: beginnings(f"x = '{text}' + ("),
    "the word before an answer": beginnings,
    "names that are called": CALLED.findall,
}
UNITS = (*HOSTILE_UNITS, "\n", "\r\n", " \n", "_", "for ", "as ", "@param {", "@param{", "<a", "a<")


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_time_grows_with_the_text(look: Look) -> None:
    slow = [unit for unit in UNITS if not grows_linearly(look, "", unit)]
    assert [unit for unit in slow if not grows_linearly(look, "", unit)] == []


@pytest.mark.parametrize("unit", ["a", "a.", ".", "::a"])
def test_a_name_without_an_end_is_read_in_time_that_grows_with_it(unit: str) -> None:
    assert grows_linearly(
        lambda text: find_functions(f"function {text}() {{ return 1; }}\n", "javascript"), "", unit
    )


BOUNDED = {
    "candidates.checks.evidence.ARROW": "a line of a bounded length",
    "candidates.functions.ASSIGNED_NAME": "a bounded number of characters before a function",
    "candidates.functions.QUALIFIED_NAME": "a name of a bounded length",
}
"""Patterns that take longer, and why what they are given is short."""

LENGTHS = (250, 1000, 4000, 16000)
NOTICED_SECONDS = 0.004


@pytest.mark.parametrize("used", find_patterns(), ids=lambda used: used.name)
def test_every_pattern_takes_time_that_grows_with_the_text(used: UsedPattern) -> None:
    literals = used.literals()[:10]
    units = [*UNITS, "a\n", *(text for word in literals for text in (f"{word} ", f"\n{word}"))]
    slow = {
        (head, unit)
        for method in used.methods
        for head in ("", *literals[:1])
        for unit in dict.fromkeys(units)
        if explodes(used, method, head, unit) and explodes(used, method, head, unit)
    }
    assert bool(slow) == (used.name in BOUNDED), slow


def explodes(used: UsedPattern, method: str, head: str, unit: str) -> bool:
    """Whether four times the text takes more than nine times as long: the square is sixteen."""
    before = 0.0
    for length in LENGTHS:
        text = head + unit * (length // len(unit)) + "!"
        seconds = processor_seconds(lambda given: used.look(method, given), text)
        if seconds > NOTICED_SECONDS and before:
            return seconds > 9 * before
        before = seconds
    return False
