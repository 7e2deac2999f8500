"""Lines of another file, and several of them as the documents that a model reads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.languages import Language
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.window import CHARACTERS_PER_TOKEN, longest
from starcoder_cli.terminal.sanitize import one_line


@dataclass(frozen=True)
class Snippet:
    """Some lines of a file, the first and the last of them counted from 1.

    The text may leave out lines between the two.
    """

    path: str
    text: str
    first: int
    last: int

    @property
    def lines(self) -> str:
        """Which lines they are, as places are written."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def meets(self, other: "Snippet") -> bool:
        """Whether the two have lines in common."""
        apart = self.last < other.first or other.last < self.first
        return self.path == other.path and not apart


def whole(path: str, text: str) -> Snippet:
    """All lines of a file."""
    return Snippet(path, text, 1, max(1, len(text.removesuffix("\n").split("\n"))))


def documents(ranked: Iterable[Snippet]) -> tuple[Document, ...]:
    """Snippets as files, what matters most last: models attend to what is near.

    Those of one file stand together in the order of their lines, each with a line end behind it.
    """
    by_path: dict[str, list[Snippet]] = {}
    for snippet in ranked:
        by_path.setdefault(snippet.path, []).append(snippet)
    return tuple(document(path, by_path[path]) for path in reversed(by_path))


def document(path: str, snippets: Iterable[Snippet]) -> Document:
    """The snippets of one file; its name is made to fit a line."""
    inside = sorted(snippets, key=lambda snippet: snippet.first)
    return Document(one_line(path), "\n".join(f"{each.text.rstrip()}\n" for each in inside))


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
