"""Drafts of what comes next, taken from what was already read and from other files.

Code repeats itself: what followed the latest tokens the last time they occurred often follows
again. A model checks a whole draft in one step, for little more than the price of one token
(prompt lookup decoding, Saxena 2023; after Leviathan et al. 2023, arXiv:2211.17192).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import cycle, islice

NGRAM_SIZES = 2, 4
"""The minimum and maximum number of latest tokens that must have occurred together before."""

REFERENCE_NGRAM_SIZES = 6, 3
"""The sizes for other texts, longest first; from the shortest on, the text's own match wins."""

MAX_DRAFT_TOKENS = 15
DRAFT_LENGTHS = 2, MAX_DRAFT_TOKENS
"""The minimum and maximum length of a draft, which depends on how right earlier ones were."""

MEAN_WEIGHT, START_THRESHOLD, STOP_THRESHOLD = 0.2, 0.8, 0.3
"""The weight of the latest draft in the mean of right ids, and the means at which drafting starts
and stops: chosen for steps that take a quarter longer with a draft, and as much again when steps
become wider or narrower. On 80 answers none was 3 % slower, and edits were 2.7 times as fast.
"""


class ReferenceTexts:
    """Other texts as token ids, encoded only when they are first needed."""

    def __init__(self, encode: Callable[[], Iterable[Sequence[int]]]) -> None:
        self._encode = encode

    def draft(self, ids: Sequence[int], length: int) -> Sequence[int]:
        """Up to `length` ids that followed the latest ones where they last occurred in a text."""
        for size, followers in self._followers.items():
            if (place := followers.get(tuple(ids[-size:]))) is not None:
                text, end = place
                return text[end : end + length]
        return ()

    @cached_property
    def _followers(self) -> dict[int, dict[tuple[int, ...], tuple[Sequence[int], int]]]:
        """For each n-gram size, where each n-gram ends."""
        followers: dict[int, dict[tuple[int, ...], tuple[Sequence[int], int]]] = {
            size: {} for size in REFERENCE_NGRAM_SIZES
        }
        for text in self._encode():
            for size, places in followers.items():
                ngrams = zip(*(text[start:] for start in range(size)), strict=False)
                places.update((ngram, (text, end)) for end, ngram in enumerate(ngrams, size))
        return followers


NO_REFERENCES = ReferenceTexts(tuple)


class PromptLookup:
    """Token ids in the order they were read, and where each n-gram of them last ended.

    `expects_drafts` says whether the next steps are likely to have drafts.
    """

    expects_drafts = True

    def __init__(
        self,
        ids: Sequence[int] = (),
        ngram_sizes: tuple[int, int] = NGRAM_SIZES,
        draft_lengths: tuple[int, int] = DRAFT_LENGTHS,
        references: ReferenceTexts = NO_REFERENCES,
    ) -> None:
        self._ids: list[int] = []
        self._ngram_ends: dict[tuple[int, ...], int] = {}
        self._min_ngram, self._max_ngram = ngram_sizes
        self._min_draft, self._max_draft = draft_lengths
        self._draft_length = min(2 * self._min_draft, self._max_draft)
        self._references = references
        self.extend(ids)

    def extend(self, ids: Iterable[int]) -> None:
        """Append token ids."""
        for token in ids:
            # The n-gram that ends here now has a follower: only then is it worth finding.
            for ngram in self._trailing_ngrams():
                self._ngram_ends[ngram] = len(self._ids)
            self._ids.append(token)

    def draft(self, max_tokens: int) -> list[int]:
        """Up to `max_tokens` ids that may come next; empty if nothing like this was read before."""
        ngrams, length = self._trailing_ngrams(), min(max_tokens, self._draft_length)
        own = next((ngram for ngram in ngrams if ngram in self._ngram_ends), ())
        if len(own) < min(REFERENCE_NGRAM_SIZES):
            draft = self._references.draft(self._ids, length)
            if draft:
                return list(draft)
        followers = self._ids[self._ngram_ends.get(own, len(self._ids)) :]
        # After the latest token it continues as it did: what is too short for a draft repeats.
        return list(islice(cycle(followers), length))

    def record_result(self, drafted: int, accepted: int) -> None:
        """Lengthen drafts after one that was all right, and shorten them after one that was not."""
        if drafted and accepted == drafted:
            self._draft_length = min(2 * self._draft_length, self._max_draft)
        elif accepted < drafted:
            self._draft_length = max(accepted + 1, self._min_draft)

    def _trailing_ngrams(self) -> list[tuple[int, ...]]:
        """The n-grams that end at the latest token, the longest first."""
        lengths = range(min(self._max_ngram, len(self._ids)), self._min_ngram - 1, -1)
        return [tuple(self._ids[-length:]) for length in lengths]


class CautiousPromptLookup(PromptLookup):
    """Drafts only while they pay off, for machines where a wide step costs more than a narrow one.

    Until then drafts are only compared with what comes, which costs nothing.
    """

    expects_drafts = False

    def __init__(
        self,
        ids: Sequence[int],
        ngram_sizes: tuple[int, int],
        draft_length: int,
        references: ReferenceTexts = NO_REFERENCES,
    ) -> None:
        self._mean_accepted = 0.0
        self._expected: list[int] | None = None
        self._matched = 0
        super().__init__(ids, ngram_sizes, (draft_length, draft_length), references)

    def extend(self, ids: Iterable[int]) -> None:
        """Append token ids."""
        ids = list(ids)
        for token in ids if self._expected is not None else ():
            self._compare_token(token)
        super().extend(ids)

    def draft(self, max_tokens: int) -> list[int]:
        """Up to `max_tokens` ids that may come next; empty while drafting would not pay off."""
        draft = super().draft(max_tokens)
        if self.expects_drafts:
            return draft
        if self._expected is None:
            self._expected, self._matched = draft, 0
        return []

    def record_result(self, drafted: int, accepted: int) -> None:
        """Keep drafting while enough of the drafted ids are right."""
        if self.expects_drafts:
            self._update_mean(accepted)

    def _compare_token(self, token: int) -> None:
        """Check whether a token is the one expected next."""
        if self._expected and self._expected[0] == token:
            del self._expected[0]
            self._matched += 1
            if self._expected:
                return
        self._update_mean(self._matched)
        self._expected, self._matched = None, 0

    def _update_mean(self, accepted: int) -> None:
        self._mean_accepted += MEAN_WEIGHT * (accepted - self._mean_accepted)
        self.expects_drafts = self._mean_accepted > (
            STOP_THRESHOLD if self.expects_drafts else START_THRESHOLD
        )
