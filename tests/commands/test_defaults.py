"""What is wrong in settings, and which place of them has it."""

import pytest

from starcoder_cli.commands.defaults import CONFIGURABLE_COMMANDS, check_settings
from starcoder_cli.errors import ConfigError


def place(keys: tuple[str, ...]) -> str:
    """The keys themselves."""
    return "/".join(keys)


def test_what_each_command_is_told() -> None:
    told = check_settings({"max_tokens": 1, "fill": {"max_tokens": 2, "raw": True}}, place)
    assert told.keys() == set(CONFIGURABLE_COMMANDS)
    assert told["fill"] == {"max_tokens": 2, "raw": True}
    assert (told["chat"], told["trace"]) == ({"max_tokens": 1}, {})


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"colour": 1}, "colour sets 'colour', which is not an option; did you mean color?"),
        (
            {"fill": {"colour": 1}},
            "fill/colour sets 'colour', which is not an option; did you mean color?",
        ),
        (
            {"max_tokens": 1, "fill": {"max_tokens": "x"}},
            "fill/max_tokens sets max_tokens to 'x', which it cannot be; "
            "see `starcoder fill --help`",
        ),
        (
            {"max_tokens": "x", "complete": {"max_tokens": 1}},
            "max_tokens sets max_tokens to 'x', which it cannot be; see `starcoder fill --help`",
        ),
    ],
)
def test_which_place_is_wrong(settings: dict[str, object], error: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_settings(settings, place)
    assert str(raised.value) == error
