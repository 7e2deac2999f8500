"""Drops files that are nearly the same as another, by MinHash and locality-sensitive hashing.

Broder 1997; The Stack took five-grams of words and a similarity of 0.7 (arXiv:2211.15533).
"""

import re
from collections.abc import Sequence

from starcoder_cli.errors import MachineError, extra_hint
from starcoder_cli.tuning.sources import SourceFile

SHINGLE_WORDS = 5
SIMILARITY = 0.7
PERMUTATIONS = 128
WORD = re.compile(r"\w+|[^\w\s]")


def shingles(text: str) -> set[str]:
    """Every run of five words or signs of a text, or all of them if there are fewer."""
    words = WORD.findall(text)
    count = max(len(words) - SHINGLE_WORDS + 1, 1)
    return {" ".join(words[at : at + SHINGLE_WORDS]) for at in range(count)}


def drop_near_duplicates(sources: Sequence[SourceFile], seed: int) -> list[SourceFile]:
    """The files without those that are nearly the same as an earlier one.

    Raises MachineError if datasketch is not installed.
    """
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError as error:
        raise MachineError(
            "near-duplicates are found by datasketch, which is not installed",
            extra_hint("tune"),
        ) from error
    index = MinHashLSH(threshold=SIMILARITY, num_perm=PERMUTATIONS)
    empty = MinHash(num_perm=PERMUTATIONS, seed=seed + 1)
    grams, kept = list[set[str]](), list[SourceFile]()
    for source in sources:
        mine, hashes = shingles(source.text), empty.copy()
        hashes.update_batch([gram.encode() for gram in mine])
        likely = (grams[int(key)] for key in index.query(hashes))
        if not any(jaccard(mine, other) >= SIMILARITY for other in likely):
            index.insert(str(len(kept)), hashes)
            grams.append(mine)
            kept.append(source)
    return kept


def jaccard(first: set[str], second: set[str]) -> float:
    """The Jaccard similarity: what two sets share, relative to all that is in either."""
    return len(first & second) / len(first | second)
