"""Ranks candidates by what they do: first by what is said about a function, then by majority."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

EXCEPTION_MARK = "!"


@dataclass(frozen=True)
class Check:
    """The result of running a candidate: how many examples, assertions and tests pass and fail.

    `agreement` is the share of the drawn answers that return the same, over all calls: 0 to 1.
    `loaded` is false if the file with it cannot be run.
    """

    loaded: bool
    passed: int
    failed: int
    agreement: float

    @property
    def faults(self) -> tuple[bool, bool, int]:
        """Sort key where less is better; how far others agree is not a fault."""
        return not self.loaded, self.failed > 0, -self.passed

    def record(self) -> Mapping[str, object]:
        """The check as a JSON object."""
        return {
            "loaded": self.loaded,
            "passed": self.passed,
            "failed": self.failed,
            "agreement": round(self.agreement, 4),
        }


NOT_RUN = Check(True, 0, 0, 0.0)


def compute_agreement(
    outcomes: Sequence[Mapping[int, str]], draw_counts: Sequence[int]
) -> list[float]:
    """How far each candidate returns the same as others, weighted by how often these were drawn.

    A call that most answers end with an exception says nothing, unless all calls do.
    """
    total = sum(draw_counts)
    calls = sorted(set().union(*outcomes))
    telling = [
        call for call in calls if 2 * weight(outcomes, draw_counts, call, EXCEPTION_MARK) <= total
    ] or calls
    return [
        sum(
            weight(outcomes, draw_counts, call, own[call], whole=True)
            for call in telling
            if call in own and not own[call].startswith(EXCEPTION_MARK)
        )
        / max(1, len(telling) * total)
        for own in outcomes
    ]


def weight(
    outcomes: Sequence[Mapping[int, str]],
    draw_counts: Sequence[int],
    call: int,
    outcome: str,
    *,
    whole: bool = False,
) -> int:
    """How often answers were drawn whose call has this outcome, or one that begins with it."""
    return sum(
        count
        for each, count in zip(outcomes, draw_counts, strict=True)
        if (each.get(call, "") == outcome if whole else each.get(call, "").startswith(outcome))
    )
