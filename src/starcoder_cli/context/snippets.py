"""Lines of other files, combined into the documents that a model reads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from starcoder_cli.languages import Language
from starcoder_cli.prompts.fim import Document
from starcoder_cli.prompts.window import MAX_CHARACTERS_PER_TOKEN, fit_lines
from starcoder_cli.terminal.sanitize import to_one_line


@dataclass(frozen=True)
class ContextSnippet:
    """Some lines of a file; the first and the last are counted from 1.

    The text may omit lines in between.
    """

    path: str
    text: str
    first_line: int
    last_line: int

    @property
    def line_range(self) -> str:
        """The line range, written as in places."""
        return (
            str(self.first_line)
            if self.first_line == self.last_line
            else f"{self.first_line}-{self.last_line}"
        )

    def overlaps(self, other: "ContextSnippet") -> bool:
        """Whether the two share any lines."""
        apart = self.last_line < other.first_line or other.last_line < self.first_line
        return self.path == other.path and not apart


def snippet_of_file(path: str, text: str) -> ContextSnippet:
    """A snippet with all lines of a file."""
    return ContextSnippet(path, text, 1, max(1, len(text.removesuffix("\n").split("\n"))))


def group_by_file(ranked: Iterable[ContextSnippet]) -> tuple[Document, ...]:
    """Combine snippets into documents, most important last: models attend to what is near.

    Those of one file are joined in line order, each ending with a newline.
    """
    by_path: dict[str, list[ContextSnippet]] = {}
    for snippet in ranked:
        by_path.setdefault(snippet.path, []).append(snippet)
    return tuple(join_snippets(path, by_path[path]) for path in reversed(by_path))


def join_snippets(path: str, snippets: Iterable[ContextSnippet]) -> Document:
    """Join the snippets of one file; its name is made to fit on one line."""
    sorted_snippets = sorted(snippets, key=lambda snippet: snippet.first_line)
    return Document(
        to_one_line(path), "\n".join(f"{snippet.text.rstrip()}\n" for snippet in sorted_snippets)
    )


MIN_SNIPPET_TOKENS = 12
"""With fewer tokens left, nothing is worth adding."""

MAX_COUNTED_SNIPPETS = 48
FILE_NAME_OVERHEAD_TOKENS = 8
"""The cost of a file besides its name: its control tokens."""


@dataclass(frozen=True)
class CountedSnippet:
    """A snippet, and its cost in tokens including its name."""

    snippet: ContextSnippet
    tokens: int


@dataclass(frozen=True)
class SnippetTokenCounter:
    """Counts the tokens of snippets, either plain or as comments in a language."""

    count_tokens: Callable[[str], int]
    comment_language: Language | None = None

    def count_snippet(self, snippet: ContextSnippet) -> int:
        """The tokens of a snippet and its file's name."""
        return self.count_tokens(self.render_text(snippet.text)) + self.count_file_name(
            snippet.path
        )

    def count_file_name(self, path: str) -> int:
        """The tokens of a file's name and its delimiters."""
        return self.count_tokens(to_one_line(path)) + FILE_NAME_OVERHEAD_TOKENS

    def render_text(self, text: str) -> str:
        """The text as it appears in a prompt."""
        comment = self.comment_language.comment if self.comment_language else None
        return comment.format_block(text.rstrip("\n")) if comment else text


def select_within_budget(
    ranked: Iterable[ContextSnippet], budget: int, counter: SnippetTokenCounter
) -> tuple[CountedSnippet, ...]:
    """Select snippets in order as they fit the budget; one that is too long is skipped."""
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
    """Every snippet, cut at its end to the lines that fit the budget."""
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
    """As many whole lines from the start of a snippet as fit the budget."""
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
