"""Lines of another file, and several of them as the documents that a model reads."""

from collections.abc import Iterable
from dataclasses import dataclass

from starcoder_cli.prompt import Document
from starcoder_cli.sanitize import one_line


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
