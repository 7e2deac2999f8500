"""Blocks of a KV cache: what was read is found again, nothing in use is given away."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starcoder_cli.engines.openvino.kv_cache import BLOCK_TOKENS, BlockPool, CachedSequence


class Cache:
    """A cache of numbers in place of keys and values: the token at each place."""

    def __init__(self, count: int, kept: int) -> None:
        self.rows = [[-1] * BLOCK_TOKENS for _ in range(count)]
        self.blocks = BlockPool(count, kept, self.copy)

    def copy(self, source: int, target: int) -> None:
        """Let a block hold what another one holds."""
        self.rows[target] = list(self.rows[source])

    def read(self, ids: list[int], begin: int, text: CachedSequence) -> None:
        """Write what is behind `begin` into the blocks of a text."""
        self.blocks.reserve(text, len(ids))
        for at in range(begin, len(ids)):
            self.rows[text.block_indices[at // BLOCK_TOKENS]][at % BLOCK_TOKENS] = ids[at]

    def held(self, text: CachedSequence, length: int) -> list[int]:
        """The tokens at the first places of a text."""
        return [
            self.rows[text.block_indices[at // BLOCK_TOKENS]][at % BLOCK_TOKENS]
            for at in range(length)
        ]

    def whole(self, ids: list[int]) -> CachedSequence:
        """A text that was opened and read to the end."""
        text = self.blocks.open_sequence(ids)
        assert self.held(text, text.cached_tokens) == ids[: text.cached_tokens]
        self.read(ids, text.cached_tokens, text)
        return text


LONG = list(range(100))


def test_a_text_that_was_read_is_known_but_for_its_last_token() -> None:
    cache = Cache(8, 8)
    cache.blocks.release(cache.whole(LONG), LONG)
    again = cache.blocks.open_sequence(LONG)
    assert again.cached_tokens == 99
    assert cache.held(again, 99) == LONG[:99]


@pytest.mark.parametrize("same", [0, 1, 31, 32, 33, 64, 90])
def test_two_texts_part_anywhere(same: int) -> None:
    """Also inside a block, which is copied: the first text keeps its own."""
    cache = Cache(16, 16)
    first = cache.whole(LONG)
    cache.blocks.share_blocks(first, LONG)
    other = [*LONG[:same], *range(200, 300)]
    second = cache.whole(other)
    # What is not a whole block yet is found when it is closed.
    assert second.cached_tokens == min(same, 96)
    assert cache.held(first, 100) == LONG
    assert cache.held(second, len(other)) == other
    assert len({*first.block_indices} & {*second.block_indices}) == same // BLOCK_TOKENS


def test_an_answer_is_known_to_the_next_question() -> None:
    cache = Cache(16, 16)
    text = cache.whole(LONG)
    answered = [*LONG, *range(500, 530)]
    cache.read(answered, 100, text)
    cache.blocks.release(text, answered)
    assert cache.blocks.open_sequence([*answered, 1, 2, 3]).cached_tokens == 130


def test_the_text_that_was_used_least_recently_leaves_first() -> None:
    cache = Cache(6, 6)
    one, two, three = ([start, *range(40)] for start in (1, 2, 3))
    for ids in (one, two, one, three, [4, *range(40)]):
        cache.blocks.release(cache.whole(ids), ids)
    assert cache.blocks.open_sequence(two).cached_tokens == 0
    assert cache.blocks.open_sequence(one).cached_tokens == 40


def test_no_more_than_what_is_to_be_kept_is_touched() -> None:
    """Blocks that nobody uses are used again before new ones are taken."""
    cache = Cache(100, 4)
    for start in range(50):
        ids = [start, *range(60)]
        cache.blocks.release(cache.whole(ids), ids)
    assert sum(row != [-1] * BLOCK_TOKENS for row in cache.rows) <= 6


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30))
def test_texts_never_write_over_each_other(seed: int) -> None:
    """Three at a time, of few tokens so that they often begin alike, and in little room."""
    chance = random.Random(seed)
    most = 3 * BLOCK_TOKENS
    cache = Cache(3 * 4, chance.randint(0, 12))
    opened: list[tuple[CachedSequence, list[int], int]] = []
    for _ in range(60):
        if len(opened) == 3 or (opened and chance.random() < 0.3):
            text, ids, read = opened.pop(chance.randrange(len(opened)))
            cache.blocks.release(text, ids[:read])
        else:
            ids = [chance.randint(0, 1) for _ in range(chance.choice((1, 30, 33, 65, most)))]
            if chance.random() < 0.5:
                ids = [0] * len(ids)
            text = cache.blocks.open_sequence(ids)
            assert text.cached_tokens < len(ids)
            assert cache.held(text, text.cached_tokens) == ids[: text.cached_tokens]
            read = chance.randint(text.cached_tokens, len(ids))
            cache.read(ids[:read], text.cached_tokens, text)
            if chance.random() < 0.5:
                cache.blocks.share_blocks(text, ids[:read])
            opened.append((text, ids, read))
        for text, ids, read in opened:
            assert cache.held(text, read) == ids[:read]


def touched(cache: Cache) -> int:
    """How many blocks have ever been written to."""
    return sum(row != [-1] * BLOCK_TOKENS for row in cache.rows)


@pytest.mark.parametrize(("kept", "most"), [(0, 1), (1, 1), (4, 4), (19, 19), (100, 20)])
def test_blocks_of_closed_texts_are_kept_up_to_the_limit_and_not_one_beyond(
    kept: int, most: int
) -> None:
    """Twenty texts of a block each, one after the other: even with no limit, one has to be."""
    cache = Cache(100, kept)
    for start in range(20):
        cache.blocks.release(cache.whole([start, 1]), [start, 1])
    assert touched(cache) == most


def test_blocks_that_are_in_use_do_not_count_among_the_idle() -> None:
    cache = Cache(100, 2)
    opened = cache.whole(LONG)
    cache.blocks.share_blocks(opened, LONG)
    for start in range(200, 220):
        cache.blocks.release(cache.whole([start, 1]), [start, 1])
    assert touched(cache) == len(opened.block_indices) + 2
    assert cache.held(opened, 100) == LONG


def test_where_no_block_is_free_an_idle_one_is_given_away_before_the_limit() -> None:
    cache = Cache(2, 100)
    for start in range(5):
        cache.blocks.release(cache.whole([start, 1]), [start, 1])
    assert touched(cache) == 2
    assert cache.blocks.open_sequence([4, 1]).cached_tokens == 1
