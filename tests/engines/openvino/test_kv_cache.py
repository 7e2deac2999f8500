"""Blocks of a KV cache: what was read is found again, nothing in use is given away."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.engines.openvino.kv_cache import BLOCK, Blocks, Text


class Cache:
    """A cache of numbers in place of keys and values: the token at each place."""

    def __init__(self, count: int, kept: int) -> None:
        self.rows = [[-1] * BLOCK for _ in range(count)]
        self.blocks = Blocks(count, kept, self.copy)

    def copy(self, source: int, target: int) -> None:
        """Let a block hold what another one holds."""
        self.rows[target] = list(self.rows[source])

    def read(self, ids: list[int], begin: int, text: Text) -> None:
        """Write what is behind `begin` into the blocks of a text."""
        self.blocks.extend(text, len(ids))
        for at in range(begin, len(ids)):
            self.rows[text.numbers[at // BLOCK]][at % BLOCK] = ids[at]

    def held(self, text: Text, length: int) -> list[int]:
        """The tokens at the first places of a text."""
        return [self.rows[text.numbers[at // BLOCK]][at % BLOCK] for at in range(length)]

    def whole(self, ids: list[int]) -> Text:
        """A text that was opened and read to the end."""
        text = self.blocks.open(ids)
        assert self.held(text, text.known) == ids[: text.known]
        self.read(ids, text.known, text)
        return text


LONG = list(range(100))


def test_a_text_that_was_read_is_known_but_for_its_last_token() -> None:
    cache = Cache(8, 8)
    cache.blocks.close(cache.whole(LONG), LONG)
    again = cache.blocks.open(LONG)
    assert again.known == 99
    assert cache.held(again, 99) == LONG[:99]


@pytest.mark.parametrize("same", [0, 1, 31, 32, 33, 64, 90])
def test_two_texts_part_anywhere(same: int) -> None:
    """Also inside a block, which is copied: the first text keeps its own."""
    cache = Cache(16, 16)
    first = cache.whole(LONG)
    cache.blocks.share(first, LONG)
    other = [*LONG[:same], *range(200, 300)]
    second = cache.whole(other)
    assert second.known == min(same, 96)  # what is not a whole block yet is found when it is closed
    assert cache.held(first, 100) == LONG
    assert cache.held(second, len(other)) == other
    assert len({*first.numbers} & {*second.numbers}) == same // BLOCK


def test_an_answer_is_known_to_the_next_question() -> None:
    cache = Cache(16, 16)
    text = cache.whole(LONG)
    answered = [*LONG, *range(500, 530)]
    cache.read(answered, 100, text)
    cache.blocks.close(text, answered)
    assert cache.blocks.open([*answered, 1, 2, 3]).known == 130


def test_the_text_that_was_used_least_recently_leaves_first() -> None:
    cache = Cache(6, 6)
    one, two, three = ([start, *range(40)] for start in (1, 2, 3))
    for ids in (one, two, one, three, [4, *range(40)]):
        cache.blocks.close(cache.whole(ids), ids)
    assert cache.blocks.open(two).known == 0
    assert cache.blocks.open(one).known == 40


def test_no_more_than_what_is_to_be_kept_is_touched() -> None:
    """Blocks that nobody uses are used again before new ones are taken."""
    cache = Cache(100, 4)
    for start in range(50):
        ids = [start, *range(60)]
        cache.blocks.close(cache.whole(ids), ids)
    assert sum(row != [-1] * BLOCK for row in cache.rows) <= 6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30))
def test_texts_never_write_over_each_other(seed: int) -> None:
    """Three at a time, of few tokens so that they often begin alike, and in little room."""
    chance = random.Random(seed)
    most = 3 * BLOCK
    cache = Cache(3 * 4, chance.randint(0, 12))
    opened: list[tuple[Text, list[int], int]] = []
    for _ in range(60):
        if len(opened) == 3 or (opened and chance.random() < 0.3):
            text, ids, read = opened.pop(chance.randrange(len(opened)))
            cache.blocks.close(text, ids[:read])
        else:
            ids = [chance.randint(0, 1) for _ in range(chance.choice((1, 30, 33, 65, most)))]
            if chance.random() < 0.5:
                ids = [0] * len(ids)
            text = cache.blocks.open(ids)
            assert text.known < len(ids)
            assert cache.held(text, text.known) == ids[: text.known]
            read = chance.randint(text.known, len(ids))
            cache.read(ids[:read], text.known, text)
            if chance.random() < 0.5:
                cache.blocks.share(text, ids[:read])
            opened.append((text, ids, read))
        for text, ids, read in opened:
            assert cache.held(text, read) == ids[:read]
