"""How much of what was gathered is read: as many tokens as there is time and room for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.context.snippet import Snippet
from starcoder_cli.languages import Language
from starcoder_cli.sanitize import one_line
from starcoder_cli.window import CHARACTERS_PER_TOKEN, longest

LEAST = 12
"""With fewer tokens left nothing is worth looking for."""

MOST_COUNTED = 48
NAME_TOKENS = 8
"""What a file costs besides its name: its control tokens."""


@dataclass(frozen=True)
class Priced:
    """A snippet, and how many tokens it costs with its name."""

    snippet: Snippet
    tokens: int


@dataclass(frozen=True)
class Price:
    """What snippets cost: as they are, or as comments in a language."""

    count: Callable[[str], int]
    commented: Language | None = None

    def of(self, snippet: Snippet) -> int:
        """The tokens of a snippet and the name of its file."""
        return self.count(self.written(snippet.text)) + self.named(snippet.path)

    def named(self, path: str) -> int:
        """The tokens of a file's name, with what stands around it."""
        return self.count(one_line(path)) + NAME_TOKENS

    def written(self, text: str) -> str:
        """The text as a prompt has it."""
        comment = self.commented.comment if self.commented else None
        return comment.block(text.rstrip("\n")) if comment else text


def within(ranked: Iterable[Snippet], budget: int, price: Price) -> tuple[Priced, ...]:
    """The first of the snippets that fit a budget together; what is too long makes way for more."""
    chosen: list[Priced] = []
    for counted, snippet in enumerate(ranked):
        if budget < LEAST or counted >= MOST_COUNTED:
            break
        # A token has three characters of code on average, and hardly ever more than eight.
        tokens = price.of(snippet) if len(snippet.text) <= budget * 8 else budget + 1
        if tokens <= budget:
            chosen.append(Priced(snippet, tokens))
            budget -= tokens
    return tuple(chosen)


def cut(snippets: Iterable[Snippet], budget: int, price: Price) -> tuple[Priced, ...]:
    """Every snippet, without the lines at its end for which there is no room."""
    chosen = []
    for snippet in snippets:
        short = shorter(snippet, budget, price)
        tokens = price.of(short) if short.text else 0
        chosen.append(Priced(short, tokens))
        budget = max(0, budget - tokens)
    return tuple(chosen)


def shorter(snippet: Snippet, budget: int, price: Price) -> Snippet:
    """As many whole lines from the beginning of a snippet as a budget allows."""
    rest = budget - price.named(snippet.path)
    near = snippet.text[: max(rest, 0) * CHARACTERS_PER_TOKEN]
    if near == snippet.text and price.count(price.written(near)) <= rest:
        return snippet
    kept = longest(
        near, max(rest, 0), lambda text: price.count(price.written(text)), keep_end=False
    )
    return replace(snippet, text=kept, last=snippet.first + max(kept.rstrip("\n").count("\n"), 0))
