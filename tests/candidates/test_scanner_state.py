"""Grammars whose scanners keep more than there is room for, and texts that have them do so."""

import subprocess
import sys
from random import Random
from typing import cast

import pytest
from tree_sitter import Parser
from tree_sitter_language_pack import SupportedLanguage, get_binding, get_language

from starcoder_cli.candidates.scanner_state import (
    SCRATCH_BYTES,
    STATE_BYTES,
    UNBOUNDED_GRAMMARS,
    bound_state,
    bounded_writer,
)
from starcoder_cli.candidates.syntax import count_syntax_errors, load_grammar

DEEP = 1_200
NESTED = {
    "kotlin": ("val x = " + '"${' * DEEP, '"""${' * DEEP),
    "markdown": (
        ">" * DEEP + " x\n",
        "- " * DEEP + "x\n",
        "1. > " * DEEP + "x\n",
        "".join("  " * level + "* a\n" for level in range(300)),
    ),
    "perl": (
        "x = " + '"${' * DEEP,
        "qq{@{[ " * DEEP,
        "s{x}{${" * DEEP,
        "m{${/${`${" * DEEP,
        "".join(Random(0).choices(("s{", "x ", '}"', ".", "`;\n"), k=1500)),
    ),
    "python": tuple(
        "".join(" " * level + f"if {condition}:\n" for level in range(600))
        for condition in ('"a"', 'f"{a["b"]}"')
    ),
    "yaml": (
        "- " * DEEP + "x\n",
        "? " * DEEP + "x\n",
        ": " * DEEP + "x\n",
        "".join(" " * level + "a:\n" for level in range(600)),
    ),
}
SAMPLES = {
    "kotlin": 'fun f(a: Int) = "a ${if (a > 1) "b $a" else """c"""} d"\n',
    "markdown": "# A\n\n> 1. a\n>    - b\n\n```c\nint x;\n```\n",
    "perl": 'my $x = "a ${\\ "b $c[0]"}"; s{a}{b}g; print <<A;\n$x\nA\n',
    "python": "def f(a):\n    if a:\n        return f\"{a!r} {'b'}\"\n",
    "yaml": "a:\n  - b: |\n      c\n    d: [e, {f: g}]\n",
}


@pytest.mark.parametrize("language", NESTED)
def test_no_text_ends_the_process(language: str) -> None:
    """It is asked in a process of its own, which ended with SIGSEGV or SIGABRT."""
    script = (
        "import ast, sys\n"
        "from starcoder_cli.candidates.syntax import count_syntax_errors\n"
        "for text in ast.literal_eval(sys.stdin.read()):\n"
        f"    print(count_syntax_errors(text, {language!r}) is not False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=repr(NESTED[language]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True\n" * len(NESTED[language])), done.stderr


@pytest.mark.parametrize("name", sorted(UNBOUNDED_GRAMMARS))
def test_trees_are_those_of_the_grammar_itself(name: str) -> None:
    grammars = (get_language(cast("SupportedLanguage", name)), load_grammar(name))
    for text in (SAMPLES[name], SAMPLES[name] * 40, "({[\n" + SAMPLES[name]):
        trees = [Parser(grammar).parse(text.encode()).root_node for grammar in grammars]
        assert str(trees[0]) == str(trees[1])


def test_a_comment_at_the_very_end_is_read_to_its_end() -> None:
    """Perl's scanner looked for the line behind it for ever."""
    assert count_syntax_errors("my $x = 1;\nf(a); # b", "perl") == 0
    assert count_syntax_errors("f(a # b", "perl")


def test_a_state_that_does_not_fit_is_the_last_that_did() -> None:
    import ctypes

    sizes = iter((3, STATE_BYTES, 5, STATE_BYTES + 1, SCRATCH_BYTES))

    def write(scanner: int, scratch: object) -> int:
        size = next(sizes)
        ctypes.memset(cast("ctypes.Array[ctypes.c_char]", scratch), size % 256, size)
        return size

    buffer = ctypes.create_string_buffer(STATE_BYTES)
    bounded = bounded_writer(write)
    for expected in (3, 3, 5, 5, 5):
        assert bounded(0, ctypes.addressof(buffer)) == expected
        assert buffer.raw.rstrip(b"\0") == bytes([expected]) * max(expected, len(buffer.value))


@pytest.mark.parametrize("difference", [(-1, 0, 0), (2, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_a_grammar_of_another_form_counts_as_none(difference: tuple[int, int, int]) -> None:
    real = get_language("yaml")
    counts = (real.abi_version, real.parse_state_count, real.field_count)
    version, states, fields = (sum(pair) for pair in zip(counts, difference, strict=True))
    with pytest.raises(LookupError):
        bound_state(get_binding("yaml"), (version, states, fields))
