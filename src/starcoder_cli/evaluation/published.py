"""Published scores, each with its source: shares from 0 to 1, mostly pass@1."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

STARCODER_CARD = "https://huggingface.co/bigcode/starcoder, model card"
STARCODERBASE_CARD = "https://huggingface.co/bigcode/starcoderbase, model card"
LEADERBOARD = (
    "https://huggingface.co/spaces/bigcode/bigcode-models-leaderboard, code_eval_board.csv"
)


@dataclass(frozen=True)
class PublishedScore:
    """A published score: its benchmark, group, model, value and source."""

    benchmark: str
    group: str
    model: str
    value: float
    source: str
    prompted: bool = False


STARCODER_SCORES = (
    PublishedScore("humaneval", "python", "starcoder", 0.336, STARCODER_CARD),
    PublishedScore("humaneval", "python", "starcoder", 0.408, STARCODER_CARD, prompted=True),
    PublishedScore("mbpp", "python", "starcoder", 0.527, STARCODER_CARD),
)

# MultiPL-E on the model card: HumanEval's problems in each language, pass@1 in per cent.
STARCODER_LANGUAGE_SCORES: Mapping[str, float] = {
    "cpp": 31.55,
    "c-sharp": 21.01,
    "d": 13.57,
    "go": 17.61,
    "java": 30.22,
    "julia": 23.02,
    "javascript": 30.79,
    "lua": 23.89,
    "php": 26.08,
    "perl": 17.34,
    "python": 33.57,
    "r": 15.50,
    "ruby": 1.24,
    "racket": 0.07,
    "rust": 21.84,
    "scala": 27.61,
    "shell": 10.46,
    "swift": 22.74,
    "typescript": 32.29,
}

# The leaderboard's columns, and its rows in per cent.
LEADERBOARD_LANGUAGES = (
    *("python", "java", "javascript", "cpp", "php", "julia", "d"),
    *("lua", "r", "ruby", "racket", "rust", "swift"),
)
LEADERBOARD_SCORES: Mapping[str, tuple[float, ...]] = {
    "starcoderbase": (
        *(30.35, 28.53, 31.7, 30.56, 26.75, 21.09, 10.01),
        *(26.61, 10.18, 17.25, 11.77, 24.46, 16.74),
    ),
    "starcoderbase-7b": (
        *(28.37, 24.44, 27.35, 23.3, 22.12, 21.77, 8.1),
        *(23.35, 14.51, 18.39, 11.08, 22.6, 15.1),
    ),
    "starcoderbase-3b": (
        *(21.5, 19.25, 21.32, 19.43, 18.55, 16.1, 4.97),
        *(18.04, 10.1, 3.93, 7.87, 16.32, 9.98),
    ),
    "starcoderbase-1b": (
        *(15.17, 14.2, 13.38, 11.68, 9.94, 11.31, 4.65),
        *(12.52, 5.73, 0.31, 5.03, 10.24, 3.92),
    ),
    "santacoder": (
        *(18.12, 15.0, 15.47, 6.2, 1.5, 0.0, 0.0),
        *(0.1, 0.0, 0.0, 0.0, 2.0, 0.7),
    ),
}


def find_published_scores(benchmark: str, group: str) -> list[PublishedScore]:
    """The published scores for a benchmark's group, the best known model first."""
    return [
        score
        for score in all_published_scores()
        if (score.benchmark, score.group) == (benchmark, group)
    ]


def all_published_scores() -> Iterator[PublishedScore]:
    """All published scores."""
    yield from STARCODER_SCORES
    for language, value in STARCODER_LANGUAGE_SCORES.items():
        yield PublishedScore("multipl-e", language, "starcoder", value / 100, STARCODER_CARD)
    for model, values in LEADERBOARD_SCORES.items():
        for language, value in zip(LEADERBOARD_LANGUAGES, values, strict=True):
            # The board's Python column is HumanEval itself.
            benchmark = "humaneval" if language == "python" else "multipl-e"
            yield PublishedScore(benchmark, language, model, value / 100, LEADERBOARD)
