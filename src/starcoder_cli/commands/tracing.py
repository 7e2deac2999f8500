"""What is known of where some code comes from: as rows, as JSON, or beside it at a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from starcoder_cli.attribution import Match, Origin, index_file, trace
from starcoder_cli.commands.beside import beside
from starcoder_cli.languages import detect, find
from starcoder_cli.sanitize import one_line
from starcoder_cli.source import Source, Span

MOST_SHOWN = 3  # origins of a match, at a terminal
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Traced:
    """A range of a source and what of it is in the index; characters count from the range's start.

    `line` is the one, from 1, that the range begins on; `absent` says that there is no index.
    """

    source: Source
    text: str
    line: int
    matches: Sequence[Match]
    absent: bool = False

    @classmethod
    def of(
        cls, source: Source, span: Span, lang: str | None, index: str | None, *, optional: bool
    ) -> "Traced":
        """Look a range up. Raises what `attribution.trace` raises, unless the index is optional."""
        text = source.raw[span.start : span.end]
        detected = detect(source.name, source.raw)
        language = find(lang).name if lang else detected.name if detected else None
        line = source.raw.count("\n", 0, span.start) + 1
        if optional and not index_file(index).is_file():
            return cls(source, text, line, (), absent=True)
        return cls(source, text, line, trace(text, language, index_file(index)))

    @property
    def licences(self) -> list[str]:
        """The licences of all origins, each once; empty for one that nobody knows."""
        return sorted({licence for match in self.matches for licence in match.licences})

    def share(self, matches: Sequence[Match]) -> float:
        """How much of the text is in some matches, white space apart; 0 to 1."""
        spans = sorted((match.start, match.end) for match in matches)
        covered, done = 0, 0
        for start, end in spans:
            covered += printed(self.text[max(start, done) : end])
            done = max(done, end)
        return covered / max(1, printed(self.text))

    def lines(self, match: Match) -> tuple[int, int]:
        """The first and last line of a match, in the whole source."""
        return match.first + self.line - 1, match.last + self.line - 1


def printed(text: str) -> int:
    """How many characters of a text are no white space."""
    return len("".join(text.split()))


def rows(traced: Traced) -> str:
    """A line for each origin: lines, tokens, share, project, version, place and licence."""
    table = []
    for match in traced.matches:
        first, last = traced.lines(match)
        share = f"{traced.share([match]):.1%}"
        for origin in match.origins:
            place = f"{origin.path}:{origin.first}-{origin.last}"
            project = (origin.project, origin.version, place, origin.licence or UNKNOWN)
            table.append((f"{first}-{last}", str(match.tokens), share, *project))
    return "".join("\t".join(map(one_line, row)) + "\n" for row in table)


def record(traced: Traced) -> Mapping[str, object]:
    """Everything, for `--json`; characters and lines are those of the range that was given."""
    return {
        "file": traced.source.name,
        "line": traced.line,
        "share": round(traced.share(traced.matches), 4),
        "licences": traced.licences,
        "matches": [
            {**asdict(match), "share": round(traced.share([match]), 4)} for match in traced.matches
        ],
    }


def draw(traced: Traced, color: bool) -> None:
    """Show each match at a terminal, beside the code that it is like where that is still there."""
    from starcoder_cli.attribution.reading import excerpt
    from starcoder_cli.terminal import BOLD, RESET, emit

    for match in traced.matches:
        first, last = traced.lines(match)
        head = (
            f"lines {first}-{last}, {traced.share([match]):.0%} of the text, {match.tokens} tokens"
        )
        emit(f"{BOLD}{head}{RESET}\n" if color else f"{head}\n")
        for origin in match.origins[:MOST_SHOWN]:
            emit(f"  {one_line(described(origin))}\n")
        more = match.more + len(match.origins[MOST_SHOWN:])
        if more:
            emit(f"  and {more} more\n")
        theirs = excerpt(match.origins[0], traced.text[match.start : match.end])
        if theirs:
            mine = traced.source.raw.split("\n")[first - 1 : last]
            for line in beside(mine, first, theirs, match.origins[0].first, color):
                emit(line)
        emit("\n")


def described(origin: Origin) -> str:
    """An origin in one line."""
    project = " ".join(word for word in (origin.project, origin.version) if word)
    place = f"{origin.path}:{origin.first}-{origin.last}"
    return f"{project}, {place}, {origin.licence or 'licence unknown'}"
