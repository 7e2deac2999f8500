"""The command lines that the help shows are such as the program takes."""

import shlex

import pytest

from starcoder_cli.commands.examples import EXAMPLES
from starcoder_cli.commands.registry import load_command

LINES = [line for examples in EXAMPLES.values() for line, _ in examples]


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_a_command_line(line: str) -> None:
    """Its words are parsed; nothing is run."""
    *_, last = line.split(" | ")
    _, name, *words = shlex.split(last)
    ends = [at for at, word in enumerate(words) if word in ("<", ">")]
    words = words[: ends[0]] if ends else words
    command = load_command(name)
    if inner := getattr(command, "commands", None):
        command, words = inner[words[0]], words[1:]
    with command.make_context(name, words) as context:
        assert context.args == []
