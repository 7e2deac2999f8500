"""Several answers for one hole: how each is drawn, and which of them is best.

The likeliest answer need not be the best one: each is also judged by a parser and by who looks for
flaws, and the ranking prefers what leaves a file whole to what a model is sure of. Where both are
alike, what resembles the other answers is preferred (minimum Bayes risk, Kumar and Byrne 2004).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from starcoder_cli.model import Sampling
from starcoder_cli.stream import Completion, Stream

TEMPERATURE = 0.6
AGREEMENT = 0.1
"""By how much likelier a token counts in an answer that all others agree with.

Measured on tasks with tests (`bench/results/infilling.md`).
"""

AGAIN = 2
"""How often chance may try where the likeliest answer says nothing."""

PIECES = re.compile(r"\w+|[^\w\s]")

SEEDS = 2**32 - 1  # as many as a sampling takes


@dataclass(frozen=True)
class Candidate:
    """An answer, how it was drawn, and what is known of it.

    `errors` is how many more errors a parser finds in the whole file with the answer than without
    it, `flaws` what else is wrong with that file, `verified` what a command says of it; None is
    unknown. `drawn` is how often the answer was drawn.
    """

    completion: Completion
    sampling: Sampling
    errors: int | None = None
    flaws: tuple[str, ...] = ()
    verified: bool | None = None
    drawn: int = 1

    @property
    def text(self) -> str:
        """The answer itself."""
        return self.completion.text

    @property
    def parses(self) -> bool | None:
        """Whether the answer breaks nothing for a parser; None where no parser was asked."""
        return None if self.errors is None else self.errors <= 0

    def record(self) -> Mapping[str, object]:
        """The candidate as a JSON object; `temperature` and `seed` draw it again."""
        return {
            "text": self.text,
            "logprob": round(self.completion.mean_logprob, 6),
            "drawn": self.drawn,
            "reason": self.completion.reason,
            "temperature": self.sampling.temperature,
            "seed": self.sampling.seed,
            "parses": self.parses,
            "flaws": list(self.flaws),
            "verified": self.verified,
        }


def draws(sampling: Sampling, n: int) -> list[Sampling]:
    """How each of so many answers is drawn, the likeliest tokens first.

    Without a temperature the first one is greedy. The others count on from the seed, so that each
    can be drawn again alone.
    """
    asked = replace(sampling, logprobs=True)
    if n == 1:
        return [asked]
    seed = sampling.seed or 0
    if sampling.temperature:
        return [replace(asked, seed=(seed + at) % SEEDS) for at in range(n)]
    warm = replace(asked, temperature=TEMPERATURE)
    others = [replace(warm, seed=(seed + at) % SEEDS) for at in range(n - 1)]
    return [replace(asked, seed=None), *others]


def insisting(ask: Callable[[Sampling], Stream], sampling: Sampling) -> Stream:
    """The answer to a question; where the likeliest one is blank, one that chance finds, if any.

    It is the same each time. What the blank ones cost is part of it.
    """
    warm = [replace(sampling, temperature=TEMPERATURE, seed=seed) for seed in range(AGAIN)]
    left = warm if sampling.temperature == 0 else []
    blank: str | None = None
    for at, tried in enumerate((sampling, *left)):
        held: str | None = ""  # blank text that waits for more; None once there is more
        cost = 0
        with closing(ask(tried)) as chunks:
            for chunk in chunks:
                if at:
                    chunk = replace(chunk, cached_tokens=None)
                cost += chunk.tokens
                if held is not None:
                    held += chunk.text
                    chunk = replace(chunk, text=held if held.strip() else "")
                    held = None if held.strip() else held
                if chunk.reason == "stop" and held is not None and at < len(left):
                    blank = held if blank is None else blank
                    yield replace(chunk, reason=None, logprob=0.0, unscored=cost)
                    break
                if chunk.reason and held is not None:
                    chunk = replace(chunk, text=held if blank is None else blank)
                yield chunk
            else:
                return


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first of those that are equal but for white space at the end, and how often it came."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        first = found.setdefault(candidate.text.rstrip(), replace(candidate, drawn=0))
        found[candidate.text.rstrip()] = replace(first, drawn=first.drawn + candidate.drawn)
    return list(found.values())


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The different candidates, the best first: ties stay in their order.

    What is whole and parses better comes before what has fewer flaws, and that before what is
    likelier by token and more like the others; anything comes before nothing. What no parser has
    judged counts as sound.
    """
    found = distinct(candidates)
    pieces = {each.text: Counter(PIECES.findall(each.text)) for each in found}

    def agreement(candidate: Candidate) -> float:
        """How much an answer has in common with all that were drawn, itself too: 0 to 1."""
        mine, draws = pieces[candidate.text], sum(each.drawn for each in found)
        return sum(each.drawn * common(mine, pieces[each.text]) for each in found) / draws

    def rank(candidate: Candidate) -> tuple[bool, int, int, float]:
        completion = candidate.completion
        wrong = (candidate.errors or 0) + (completion.reason == "length")
        likely = completion.mean_logprob + AGREEMENT * agreement(candidate)
        return not candidate.text.strip(), wrong, len(candidate.flaws), -likely

    return sorted(found, key=rank)


def common(one: "Counter[str]", other: "Counter[str]") -> float:
    """The share of the words and signs of two texts that are in both (Dice 1945): 0 to 1."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0
