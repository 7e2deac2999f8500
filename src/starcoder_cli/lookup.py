"""Drafts of what comes next, taken from what was read already.

Code repeats itself: what followed the last time the latest tokens stood somewhere often follows
again. A model checks a whole draft in one step, for little more than the price of one token
(prompt lookup decoding, Saxena 2023; after Leviathan et al. 2023, arXiv:2211.17192).
"""

from collections.abc import Iterable, Sequence

RUNS = 2, 4
"""How many of the latest tokens have to have stood together before, at least and at most."""

MOST = 15
WIDTHS = 2, MOST
"""How many ids a draft may have, at least and at most, by how right earlier ones were."""


class Lookup:
    """Token ids in the order they were read, and where each short run of them last ended."""

    def __init__(
        self,
        ids: Sequence[int] = (),
        runs: tuple[int, int] = RUNS,
        widths: tuple[int, int] = WIDTHS,
    ) -> None:
        self._ids: list[int] = []
        self._ends: dict[tuple[int, ...], int] = {}
        self._shortest, self._longest = runs
        self._narrowest, self._widest = widths
        self._width = min(2 * self._narrowest, self._widest)
        self.extend(ids)

    def extend(self, ids: Iterable[int]) -> None:
        """Append token ids."""
        for token in ids:
            # The run that ends here now has something behind it: only then is it worth finding.
            for run in self._runs():
                self._ends[run] = len(self._ids)
            self._ids.append(token)

    def draft(self, most: int) -> list[int]:
        """What may come next, at most `most` token ids; empty where nothing like it was read."""
        for run in self._runs():
            if (end := self._ends.get(run)) is not None:
                return self._ids[end : end + min(most, self._width)]
        return []

    def learn(self, drafted: int, accepted: int) -> None:
        """Draft more after a draft that was right, and less after one that was not."""
        if drafted and accepted == drafted:
            self._width = min(2 * self._width, self._widest)
        elif accepted < drafted:
            self._width = max(accepted + 1, self._narrowest)

    def _runs(self) -> list[tuple[int, ...]]:
        """The runs of token ids that end at the end, the longest first."""
        lengths = range(min(self._longest, len(self._ids)), self._shortest - 1, -1)
        return [tuple(self._ids[-length:]) for length in lengths]
