"""Which engine answers soonest on this machine, from what each was measured to do.

An engine that reads fast may take longer to load: so which one is sooner depends on how much there
is to read and to write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TITLES: Mapping[str, str] = {"llamacpp": "llama.cpp", "openvino": "OpenVINO"}

TYPICAL = 64
"""Tokens that most answers do not exceed, however many they may have."""

BYTES = 3.5
"""Bytes of code that a token stands for, about."""


@dataclass(frozen=True)
class Work:
    """How many tokens there are to read, and to write, with so many answers made at a time."""

    read: int
    write: int
    slots: int = 1

    @classmethod
    def of(cls, rooms: Sequence[int], max_tokens: int, answers: int = 1, slots: int = 1) -> "Work":
        """What to expect of prompts that surely have such rooms, with so many answers to each."""
        read = sum(max(room - max_tokens, 0) for room in rooms) / BYTES
        return cls(round(read), min(max_tokens, TYPICAL) * answers * len(rooms), slots)


@dataclass(frozen=True)
class Pace:
    """How fast an engine is with a model: seconds to load it and seconds that the first prompt
    takes longer than later ones, then tokens that it reads and writes in a second.
    """

    load: float
    warm_up: float
    read: float
    write: float

    def seconds(self, work: Work) -> float:
        """How long the work takes, from nothing."""
        return self.load + self.warm_up + work.read / self.read + work.write / self.write


def soonest(paces: Mapping[str, Pace], work: Work) -> str:
    """The name of the engine that is expected to be done first; the first named one if equal."""
    return min(paces, key=lambda name: paces[name].seconds(work))
