"""Drafts: what followed the latest ids where they stood before."""

from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.engines.decoding.prompt_lookup import (
    DRAFT_LENGTHS,
    MAX_DRAFT_TOKENS,
    NGRAM_SIZES,
    CautiousPromptLookup,
    PromptLookup,
    ReferenceTexts,
)


def test_what_followed_last_time_is_drafted() -> None:
    lookup = PromptLookup([1, 2, 3, 4, 5, 9, 1, 2])
    assert lookup.draft(3) == [3, 4, 5]


def test_the_latest_time_counts() -> None:
    assert PromptLookup([1, 2, 3, 7, 1, 2, 4, 8, 1, 2]).draft(1) == [4]


def test_longer_runs_count_more_than_later_ones() -> None:
    assert PromptLookup([5, 1, 2, 3, 9, 1, 2, 4, 8, 5, 1, 2]).draft(1) == [3]


def test_nothing_is_drafted_where_nothing_is_alike() -> None:
    assert PromptLookup([1, 2, 3]).draft(9) == []
    assert PromptLookup([]).draft(9) == []
    assert PromptLookup([4]).draft(9) == []


def test_a_repetition_drafts_itself() -> None:
    lookup = PromptLookup([7, 7, 7, 7, 7])
    assert set(lookup.draft(4)) == {7}


def test_ids_can_come_later() -> None:
    lookup = PromptLookup()
    lookup.extend([1, 2, 3])
    lookup.extend([1, 2])
    assert lookup.draft(1) == [3]


def test_drafts_grow_while_they_are_right_and_shrink_when_they_are_not() -> None:
    lookup = PromptLookup([*range(100), 0, 1])
    lengths = []
    for _ in range(3):
        lengths.append(len(lookup.draft(99)))
        lookup.record_result(lengths[-1], lengths[-1])
    assert lengths == [4, 8, MAX_DRAFT_TOKENS]
    lookup.record_result(MAX_DRAFT_TOKENS, 0)
    assert len(lookup.draft(99)) == DRAFT_LENGTHS[0]


def test_a_width_can_be_fixed() -> None:
    lookup = PromptLookup([*range(9), 8], (1, 6), (3, 3))
    lookup.extend([2])
    for right in (0, 3):
        assert lookup.draft(9) == [3, 4, 5]
        lookup.record_result(3, right)


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 20))
def test_a_draft_stood_behind_the_same_run_before(ids: list[int], most: int) -> None:
    """The end of a long one behind its own beginning: so a text goes on that repeats itself."""
    draft = PromptLookup(ids).draft(most)
    assert len(draft) <= most
    if draft:
        start = len(ids) - NGRAM_SIZES[0]
        text, run = [*ids, *draft], [*ids[start:], *draft]
        assert any(text[at : at + len(run)] == run for at in range(start))


def test_what_repeats_itself_goes_on() -> None:
    assert PromptLookup([3, 7, 7, 7]).draft(4) == [7] * 4
    assert PromptLookup([1, 2, 1, 2, 1]).draft(4) == [2, 1, 2, 1]


def cautious(ids: list[int]) -> CautiousPromptLookup:
    """A lookup behind some ids, that drafts three tokens or none."""
    return CautiousPromptLookup(ids, (1, 6), 3)


def test_a_cautious_lookup_drafts_when_what_it_would_have_drafted_came() -> None:
    lookup = cautious([*range(20), 0])
    offered = []
    for token in range(1, 16):
        offered.append(lookup.draft(9))
        lookup.extend([token])
    first = offered.index(next(draft for draft in offered if draft))
    assert not any(offered[:first]) and 3 <= first <= 9
    assert offered[first] == [first + 1, first + 2, first + 3]
    assert lookup.expects_drafts


def test_it_stops_when_drafts_are_wrong_and_begins_again() -> None:
    lookup = cautious([*range(20), 0])
    for token in range(1, 10):
        lookup.draft(9)
        lookup.extend([token])
    steps = 0
    while lookup.expects_drafts:
        lookup.record_result(len(lookup.draft(9)), 0)
        lookup.extend([50 + steps % 2])
        steps += 1
    assert 3 <= steps <= 12
    for token in [0, *range(1, 12)]:
        assert lookup.expects_drafts or lookup.draft(9) == []
        lookup.extend([token])
    assert lookup.expects_drafts


def test_one_word_that_was_right_is_not_enough() -> None:
    lookup = cautious([1, 2, 9, 1, 3, 9, 1])
    for token in [3, 9, 1, 4, 9, 1, 5, 9, 1, 6]:
        assert lookup.draft(3) == []
        lookup.extend([token])
    assert not lookup.expects_drafts


def test_other_texts_are_asked_where_the_own_has_little() -> None:
    """From three ids on what was read itself is likelier."""
    asked = list[str]()

    def encode() -> list[list[int]]:
        asked.append("once")
        return [[1, 2, 3, 40, 41], [7, 1, 2, 3, 50, 51, 52, 53]]

    references = ReferenceTexts(encode)
    lookup = PromptLookup([1, 2, 3, 9, 8, 2, 3], (1, 6), (3, 3), references)
    assert lookup.draft(9) == [9, 8, 2]
    assert not PromptLookup([5, 6], references=references).draft(9) and asked == ["once"]
    lookup = PromptLookup([3, 9, 1, 2, 3], (1, 6), (3, 3), references)
    assert lookup.draft(9) == [50, 51, 52]
    assert lookup.draft(2) == [50, 51]
    assert asked == ["once"]


def test_the_longest_run_in_another_text_is_followed() -> None:
    texts = [[1, 2, 3, 4, 5, 6, 10], [9, 4, 5, 6, 20], [6]]
    references = ReferenceTexts(lambda: texts)
    assert list(references.draft([0, 1, 2, 3, 4, 5, 6], 3)) == [10]
    assert list(references.draft([0, 2, 2, 3, 4, 5, 6], 3)) == [20]
    assert list(references.draft([5, 6], 3)) == []
    assert list(references.draft([0, 0, 0], 3)) == []


def test_cautious_drafts_come_from_other_texts_too() -> None:
    references = ReferenceTexts(lambda: [list(range(100, 160))])
    lookup = CautiousPromptLookup([1, 2, 100, 101, 102], (1, 6), 3, references)
    assert lookup.draft(9) == []
    lookup.extend(range(103, 130))
    for token in range(130, 140):
        lookup.draft(9)
        lookup.extend([token])
    assert lookup.expects_drafts
    assert lookup.draft(9) == [140, 141, 142]
