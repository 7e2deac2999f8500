"""Drafts of what comes next, taken from what was read already.

Code repeats itself: what followed the last time the latest tokens stood somewhere often follows
again. A model checks a whole draft in one step, for little more than the price of one token
(prompt lookup decoding, Saxena 2023; after Leviathan et al. 2023, arXiv:2211.17192).
"""

from collections.abc import Iterable, Sequence

NGRAM_SIZES = 2, 4
"""How many of the latest tokens have to have occurred together before, at least and at most."""

MAX_DRAFT_TOKENS = 15
DRAFT_LENGTHS = 2, MAX_DRAFT_TOKENS
"""How many ids a draft may have, at least and at most, by how right earlier ones were."""

MEAN_WEIGHT, START_THRESHOLD, STOP_THRESHOLD = 0.2, 0.8, 0.3
"""How much of a mean the latest draft is, and from how many right ids in the mean drafts are read,
up to how few: chosen for steps that take a fourth longer with a draft, and again as much when steps
become wider or narrower. On 80 answers none was 3 % slower so, and edits were 2.7 times as fast.
"""


class PromptLookup:
    """Token ids in the order they were read, and where each n-gram of them last ended.

    `expects_drafts` says whether drafts are to be expected.
    """

    expects_drafts = True

    def __init__(
        self,
        ids: Sequence[int] = (),
        ngram_sizes: tuple[int, int] = NGRAM_SIZES,
        draft_lengths: tuple[int, int] = DRAFT_LENGTHS,
    ) -> None:
        self._ids: list[int] = []
        self._ngram_ends: dict[tuple[int, ...], int] = {}
        self._min_ngram, self._max_ngram = ngram_sizes
        self._min_draft, self._max_draft = draft_lengths
        self._draft_length = min(2 * self._min_draft, self._max_draft)
        self.extend(ids)

    def extend(self, ids: Iterable[int]) -> None:
        """Append token ids."""
        for token in ids:
            # The n-gram that ends here now has something behind it: only then is it worth finding.
            for ngram in self._trailing_ngrams():
                self._ngram_ends[ngram] = len(self._ids)
            self._ids.append(token)

    def draft(self, max_tokens: int) -> list[int]:
        """What may come next, at most `max_tokens` ids; empty where nothing like it was read."""
        for ngram in self._trailing_ngrams():
            if (end := self._ngram_ends.get(ngram)) is not None:
                return self._ids[end : end + min(max_tokens, self._draft_length)]
        return []

    def record_result(self, drafted: int, accepted: int) -> None:
        """Draft more after a draft that was right, and less after one that was not."""
        if drafted and accepted == drafted:
            self._draft_length = min(2 * self._draft_length, self._max_draft)
        elif accepted < drafted:
            self._draft_length = max(accepted + 1, self._min_draft)

    def _trailing_ngrams(self) -> list[tuple[int, ...]]:
        """The n-grams that end at the latest token, the longest first."""
        lengths = range(min(self._max_ngram, len(self._ids)), self._min_ngram - 1, -1)
        return [tuple(self._ids[-length:]) for length in lengths]


class CautiousPromptLookup(PromptLookup):
    """Drafts only while they pay, where each wide step costs more than a narrow one.

    Until then drafts are compared with what comes, which costs nothing.
    """

    expects_drafts = False

    def __init__(self, ids: Sequence[int], ngram_sizes: tuple[int, int], draft_length: int) -> None:
        self._mean_accepted = 0.0
        self._expected: list[int] | None = None
        self._matched = 0
        super().__init__(ids, ngram_sizes, (draft_length, draft_length))

    def extend(self, ids: Iterable[int]) -> None:
        """Append token ids."""
        ids = list(ids)
        for token in ids if self._expected is not None else ():
            self._compare_token(token)
        super().extend(ids)

    def draft(self, max_tokens: int) -> list[int]:
        """What may come next, at most `max_tokens` token ids; empty while that would not pay."""
        draft = super().draft(max_tokens)
        if self.expects_drafts:
            return draft
        if self._expected is None:
            self._expected, self._matched = draft, 0
        return []

    def record_result(self, drafted: int, accepted: int) -> None:
        """Draft on while enough of the drafts is right."""
        if self.expects_drafts:
            self._update_mean(accepted)

    def _compare_token(self, token: int) -> None:
        """See whether a token is what was to be expected next."""
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
