"""The guarantee of winnowing, for any tokens."""

from hypothesis import example, given
from hypothesis import strategies as st

from starcoder_cli.attribution.fingerprints import (
    FINGERPRINT_WINDOW,
    GUARANTEED_MATCH_TOKENS,
    MIN_MATCH_TOKENS,
    hash_kgrams,
    winnow,
)

few = st.lists(st.integers(0, 3), max_size=4 * GUARANTEED_MATCH_TOKENS)
many = st.lists(st.integers(0, 2**32 - 1), max_size=4 * GUARANTEED_MATCH_TOKENS)
shared = st.lists(
    st.integers(0, 5), min_size=GUARANTEED_MATCH_TOKENS, max_size=2 * GUARANTEED_MATCH_TOKENS
)


def kept(hashes: list[int]) -> set[int]:
    """The hashes of the runs that are kept of some tokens."""
    found = hash_kgrams(hashes)
    return {found[at] for at in winnow(found)}


@given(
    st.one_of(few, many), shared, st.one_of(few, many), st.one_of(few, many), st.one_of(few, many)
)
@example([], [0] * GUARANTEED_MATCH_TOKENS, [], [], [])
def test_a_run_of_sure_tokens_is_found_wherever_it_stands(
    before: list[int], common: list[int], after: list[int], other: list[int], rest: list[int]
) -> None:
    indexed, asked = [*before, *common, *after], [*other, *common, *rest]
    inside = set(hash_kgrams(common))
    assert kept(indexed) & set(hash_kgrams(asked)) & inside


@given(st.one_of(few, many))
def test_each_window_has_one_that_is_kept(hashes: list[int]) -> None:
    found = hash_kgrams(hashes)
    places = list(winnow(found))
    assert places == sorted(set(places))
    for start in range(len(found) - FINGERPRINT_WINDOW + 1):
        window = found[start : start + FINGERPRINT_WINDOW]
        here = [at for at in places if start <= at < start + FINGERPRINT_WINDOW]
        assert here
        assert min(window) in [found[at] for at in here]


def test_of_what_is_all_the_same_one_in_each_window_is_kept() -> None:
    assert list(winnow([7] * (10 * FINGERPRINT_WINDOW))) == [
        FINGERPRINT_WINDOW * number - 1 for number in range(1, 11)
    ]


@given(st.lists(st.integers(0, 2**32 - 1), max_size=MIN_MATCH_TOKENS - 1))
def test_fewer_than_the_shortest_have_no_run(hashes: list[int]) -> None:
    assert hash_kgrams(hashes) == []


def test_runs_are_alike_where_their_tokens_are() -> None:
    code = list(range(1000, 1000 + MIN_MATCH_TOKENS))
    first, *others = hash_kgrams([*code, 5, *code])
    assert others[-1] == first
    assert len({first, *others}) == MIN_MATCH_TOKENS + 1


@given(
    st.lists(st.integers(0, 2**32 - 1), min_size=MIN_MATCH_TOKENS, max_size=3 * MIN_MATCH_TOKENS)
)
def test_a_run_fits_six_bytes(hashes: list[int]) -> None:
    assert all(0 <= hash_ < 1 << 47 for hash_ in hash_kgrams(hashes))
