"""Texts that have as many tokens as they should, and begin like no other."""

import pytest

from starcoder_cli.benchmark.measure import (
    EDITED_TOKENS,
    create_unseen_prompt,
    edit_prompt_end,
    read_own_source,
    truncate_to_tokens,
)
from starcoder_cli.engines.echo import EchoModel


class Words(EchoModel):
    """Counts words."""

    def count(self, text: str) -> int:
        """One for each word."""
        return len(text.split())


@pytest.mark.parametrize("tokens", [1, 2, 17, 1000])
def test_a_text_has_the_tokens_that_it_should(tokens: int) -> None:
    assert len(create_unseen_prompt(EchoModel(), tokens)) == tokens
    assert len(create_unseen_prompt(Words(), tokens).split()) == tokens


def test_a_text_that_is_too_short_stays_whole() -> None:
    assert truncate_to_tokens(EchoModel(), "abc", 10) == "abc"
    assert truncate_to_tokens(EchoModel(), "", 10) == ""


def test_no_two_texts_begin_alike() -> None:
    begun = {create_unseen_prompt(EchoModel(), 64)[:18] for _ in range(100)}
    assert len(begun) == 100


def test_an_edit_is_at_the_end() -> None:
    text = create_unseen_prompt(EchoModel(), 200)
    new = edit_prompt_end(EchoModel(), text, 200)
    assert len(new) == 200
    assert new[:-EDITED_TOKENS] == text[:-EDITED_TOKENS]
    assert new[-EDITED_TOKENS:] != text[-EDITED_TOKENS:]
    assert len(edit_prompt_end(EchoModel(), "abc", 1)) > 0


def test_there_is_code_for_the_longest_window() -> None:
    assert len(read_own_source()) > 4 * 100_000
