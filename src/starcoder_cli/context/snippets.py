"""Lines of another file, and several of them as the documents that a model reads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.languages import Language
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.window import MAX_CHARACTERS_PER_TOKEN, fit_lines
from starcoder_cli.terminal.sanitize import to_one_line


@dataclass(frozen=True)
class ContextSnippet:
    """Some lines of a file, the first and the last of them counted from 1.

    The text may leave out lines between the two.
    """

    path: str
    text: str
    first_line: int
    last_line: int

    @property
    def line_range(self) -> str:
        """Which lines they are, as places are written."""
        return (
            str(self.first_line)
            if self.first_line == self.last_line
            else f"{self.first_line}-{self.last_line}"
        )

    def overlaps(self, other: "ContextSnippet") -> bool:
        """Whether the two have lines in common."""
        apart = self.last_line < other.first_line or other.last_line < self.first_line
        return self.path == other.path and not apart


def snippet_of_file(path: str, text: str) -> ContextSnippet:
    """All lines of a file."""
    return ContextSnippet(path, text, 1, max(1, len(text.removesuffix("\n").split("\n"))))


def group_by_file(ranked: Iterable[ContextSnippet]) -> tuple[Document, ...]:
    """Snippets as files, what matters most last: models attend to what is near.

    Those of one file stand together in the order of their lines, each with a line end behind it.
    """
    by_path: dict[str, list[ContextSnippet]] = {}
    for snippet in ranked:
        by_path.setdefault(snippet.path, []).append(snippet)
    return tuple(join_snippets(path, by_path[path]) for path in reversed(by_path))


def join_snippets(path: str, snippets: Iterable[ContextSnippet]) -> Document:
    """The snippets of one file; its name is made to fit a line."""
    sorted_snippets = sorted(snippets, key=lambda snippet: snippet.first_line)
    return Document(
        to_one_line(path), "\n".join(f"{snippet.text.rstrip()}\n" for snippet in sorted_snippets)
    )


MIN_SNIPPET_TOKENS = 12
"""With fewer tokens left nothing is worth looking for."""

MAX_COUNTED_SNIPPETS = 48
FILE_NAME_OVERHEAD_TOKENS = 8
"""What a file costs besides its name: its control tokens."""


@dataclass(frozen=True)
class CountedSnippet:
    """A snippet, and how many tokens it costs with its name."""

    snippet: ContextSnippet
    tokens: int


@dataclass(frozen=True)
class SnippetTokenCounter:
    """Counts the tokens of snippets: as they are, or as comments in a language."""

    count_tokens: Callable[[str], int]
    comment_language: Language | None = None

    def count_snippet(self, snippet: ContextSnippet) -> int:
        """The tokens of a snippet and the name of its file."""
        return self.count_tokens(self.render_text(snippet.text)) + self.count_file_name(
            snippet.path
        )

    def count_file_name(self, path: str) -> int:
        """The tokens of a file's name, with what stands around it."""
        return self.count_tokens(to_one_line(path)) + FILE_NAME_OVERHEAD_TOKENS

    def render_text(self, text: str) -> str:
        """The text as a prompt has it."""
        comment = self.comment_language.comment if self.comment_language else None
        return comment.format_block(text.rstrip("\n")) if comment else text


def select_within_budget(
    ranked: Iterable[ContextSnippet], budget: int, counter: SnippetTokenCounter
) -> tuple[CountedSnippet, ...]:
    """The first of the snippets that fit a budget together; what is too long makes way for more."""
    selected: list[CountedSnippet] = []
    for index, snippet in enumerate(ranked):
        if budget < MIN_SNIPPET_TOKENS or index >= MAX_COUNTED_SNIPPETS:
            break
        # A token has three characters of code on average, and hardly ever more than eight.
        tokens = counter.count_snippet(snippet) if len(snippet.text) <= budget * 8 else budget + 1
        if tokens <= budget:
            selected.append(CountedSnippet(snippet, tokens))
            budget -= tokens
    return tuple(selected)


def truncate_snippets(
    snippets: Iterable[ContextSnippet], budget: int, counter: SnippetTokenCounter
) -> tuple[CountedSnippet, ...]:
    """Every snippet, without the lines at its end for which there is no room."""
    truncated = []
    for snippet in snippets:
        shortened = truncate_snippet(snippet, budget, counter)
        tokens = counter.count_snippet(shortened) if shortened.text else 0
        truncated.append(CountedSnippet(shortened, tokens))
        budget = max(0, budget - tokens)
    return tuple(truncated)


def truncate_snippet(
    snippet: ContextSnippet, budget: int, counter: SnippetTokenCounter
) -> ContextSnippet:
    """As many whole lines from the beginning of a snippet as a budget allows."""
    text_budget = budget - counter.count_file_name(snippet.path)
    beginning = snippet.text[: max(text_budget, 0) * MAX_CHARACTERS_PER_TOKEN]
    if (
        beginning == snippet.text
        and counter.count_tokens(counter.render_text(beginning)) <= text_budget
    ):
        return snippet
    kept = fit_lines(
        beginning,
        max(text_budget, 0),
        lambda candidate: counter.count_tokens(counter.render_text(candidate)),
        keep_end=False,
    )
    return replace(
        snippet, text=kept, last_line=snippet.first_line + max(kept.rstrip("\n").count("\n"), 0)
    )
