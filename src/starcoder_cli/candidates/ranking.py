"""Several answers for one hole: how each is drawn, and which of them is best.

The likeliest answer need not be the best one: each is also judged by a parser and a search for
flaws, and the ranking prefers what leaves a file intact to what a model is sure of. If both are
equal, it prefers what resembles the other answers (minimum Bayes risk, Kumar and Byrne 2004).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from starcoder_cli.candidates.checks.agreement import NOT_RUN, Check
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Completion, Stream

CANDIDATE_TEMPERATURE = 0.6
AGREEMENT_WEIGHT = 0.1
"""How much likelier a token counts in an answer that all others agree with.

Measured on tasks with tests (`bench/results/infilling.md`).
"""

BLANK_RETRIES = 2
"""How often to retry with random sampling if the likeliest answer is blank."""

WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")

SEED_COUNT = 2**32 - 1  # as many as a sampling takes


@dataclass(frozen=True)
class Candidate:
    """An answer, how it was drawn, and what is known about it.

    `added_errors` is how many more errors a parser finds in the whole file with the answer than
    without it, `flaws` what else is wrong with that file, `check` the result of running it,
    `verified` what a command says about it; None is unknown. `draw_count` is how often it came.
    """

    completion: Completion
    sampling: Sampling
    added_errors: int | None = None
    flaws: tuple[str, ...] = ()
    check: Check | None = None
    verified: bool | None = None
    draw_count: int = 1

    @property
    def text(self) -> str:
        """The text of the answer."""
        return self.completion.text

    @property
    def parses(self) -> bool | None:
        """Whether the answer adds no parse errors, or None if no parser was asked."""
        return None if self.added_errors is None else self.added_errors <= 0

    def record(self) -> Mapping[str, object]:
        """The candidate as a JSON object; `temperature` and `seed` draw it again."""
        return {
            "text": self.text,
            "logprob": round(self.completion.mean_logprob, 6) if self.completion.logprob else None,
            "drawn": self.draw_count,
            "reason": self.completion.reason,
            "temperature": self.sampling.temperature,
            "seed": self.sampling.seed,
            "parses": self.parses,
            "flaws": list(self.flaws),
            "check": self.check.record() if self.check else None,
            "verified": self.verified,
        }


def sampling_schedule(sampling: Sampling, n: int) -> list[Sampling]:
    """How each of `n` answers is drawn, the likeliest tokens first.

    Without a temperature the first one is greedy. The others count up from the seed, so that
    each can be drawn again on its own.
    """
    base = replace(sampling, logprobs=True)
    if n == 1:
        return [base]
    seed = sampling.seed or 0
    if sampling.temperature:
        return [replace(base, seed=(seed + offset) % SEED_COUNT) for offset in range(n)]
    varied = replace(base, temperature=CANDIDATE_TEMPERATURE)
    others = [replace(varied, seed=(seed + offset) % SEED_COUNT) for offset in range(n - 1)]
    return [replace(base, seed=None), *others]


def retry_if_blank(
    generate: Callable[[Sampling], Stream],
    sampling: Sampling,
    last: Callable[[Sampling], Stream] | None = None,
) -> Stream:
    """Stream an answer; if the likeliest one is blank, one found by random sampling, if any.

    If sampling finds none either, `last` is another way to ask. The result is reproducible. The
    cost of the blank answers is included.
    """
    random_draws = [
        replace(sampling, temperature=CANDIDATE_TEMPERATURE, seed=seed)
        for seed in range(BLANK_RETRIES)
    ]
    retries = [partial(generate, draw) for draw in random_draws]
    retries = [*retries, partial(last, sampling)] if last else retries
    retries = retries if sampling.temperature == 0 else []
    blank: str | None = None
    for index, attempt in enumerate((partial(generate, sampling), *retries)):
        pending: str | None = ""  # blank text that waits for more; None once there is more
        cost = 0
        with closing(attempt()) as chunks:
            for chunk in chunks:
                if index:
                    chunk = replace(chunk, cached_tokens=None)
                cost += chunk.tokens
                if pending is not None:
                    pending += chunk.text
                    chunk = replace(chunk, text=pending if pending.strip() else "")
                    pending = None if pending.strip() else pending
                if chunk.reason == "stop" and pending is not None and index < len(retries):
                    blank = pending if blank is None else blank
                    yield replace(chunk, reason=None, logprob=0.0, unscored_tokens=cost)
                    break
                if chunk.reason and pending is not None:
                    chunk = replace(chunk, text=pending if blank is None else blank)
                yield chunk
            else:
                return


def deduplicate_candidates(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The first of candidates that differ only in trailing white space, with its draw count."""
    by_text: dict[str, Candidate] = {}
    for candidate in candidates:
        first = by_text.setdefault(candidate.text.rstrip(), replace(candidate, draw_count=0))
        by_text[candidate.text.rstrip()] = replace(
            first, draw_count=first.draw_count + candidate.draw_count
        )
    return list(by_text.values())


def rank_candidates(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The distinct candidates, best first; ties keep their order.

    What is complete and parses better comes before what passes more when it is run, that before
    what has fewer flaws, and that before what is likelier by token and more like the others, in
    its words and in what it does; anything comes before nothing. What no parser has judged counts
    as sound.
    """
    unique = deduplicate_candidates(candidates)
    word_counts = {other.text: Counter(WORD_OR_SIGN.findall(other.text)) for other in unique}

    def agreement(candidate: Candidate) -> float:
        """How much an answer has in common with all drawn answers, including itself: 0 to 1."""
        own, total = word_counts[candidate.text], sum(other.draw_count for other in unique)
        return (
            sum(
                other.draw_count * dice_similarity(own, word_counts[other.text]) for other in unique
            )
            / total
        )

    def rank(candidate: Candidate) -> tuple[object, ...]:
        completion = candidate.completion
        is_blank, is_cut_off = not candidate.text.strip(), completion.reason == "length"
        check = candidate.check or NOT_RUN
        agreed = agreement(candidate) + check.agreement
        likelihood = completion.mean_logprob + AGREEMENT_WEIGHT * agreed
        error_count, flaw_count = candidate.added_errors or 0, len(candidate.flaws)
        return is_blank, is_cut_off, error_count, check.faults, flaw_count, -likelihood

    return sorted(unique, key=rank)


def dice_similarity(one: "Counter[str]", other: "Counter[str]") -> float:
    """The share of the words and signs of two texts that are in both (Dice 1945): 0 to 1."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0
