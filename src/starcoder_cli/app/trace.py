"""What is known about the origin of code: as rows, as JSON, or side by side at a terminal."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest

from starcoder_cli.attribution import find_matches
from starcoder_cli.attribution.index import index_file
from starcoder_cli.attribution.matches import Match, Origin, line_at
from starcoder_cli.attribution.stack_lookup import (
    MIN_RUN_CHARACTERS,
    SERVICE_LIMITS,
    look_up_text,
    parse_service_url,
    require_sendable,
    split_into_windows,
)
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import LINE_END, Source, Span
from starcoder_cli.languages import detect_language, find_language
from starcoder_cli.system.counting import counted
from starcoder_cli.terminal.code import DIM, RESET
from starcoder_cli.terminal.output import Messages
from starcoder_cli.terminal.sanitize import sanitize, to_one_line

MAX_ORIGINS_SHOWN = 3  # origins shown per match, at a terminal
NO_LICENCE_LABEL = "unknown"


@dataclass(frozen=True)
class TraceResult:
    """A range of a source and its matches in the index; characters count from the range's start.

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
    ) -> "TraceResult":
        """Look a range up. Raises what `find_matches` raises, unless the index is optional."""
        text = source.raw[span.start : span.end]
        detected = detect_language(source.code_name(None), source.raw)
        language = find_language(lang).name if lang else detected.name if detected else None
        line = line_at(source.raw, span.start)
        if optional and not index_file(index).is_file():
            return cls(source, text, line, (), absent=True)
        return cls(source, text, line, find_matches(text, language, index_file(index)))

    @property
    def licences(self) -> list[str]:
        """The licences of all origins, each once; empty for an unknown one."""
        return sorted({licence for match in self.matches for licence in match.licences})

    def share(self, matches: Sequence[Match]) -> float:
        """The share of the text covered by these matches, ignoring white space; 0 to 1."""
        spans = sorted((match.start, match.end) for match in matches)
        covered, done = 0, 0
        for start, end in spans:
            covered += count_visible_characters(self.text[max(start, done) : end])
            done = max(done, end)
        return covered / max(1, count_visible_characters(self.text))

    def lines(self, match: Match) -> tuple[int, int]:
        """The first and last line of a match, in the whole source."""
        return match.first + self.line - 1, match.last + self.line - 1

    def line_range(self, match: Match) -> str:
        """The lines of a match by the source's own line names."""
        return "-".join(map(self.source.line_name, self.lines(match)))


def count_visible_characters(text: str) -> int:
    """The number of characters in a text that are not white space."""
    return len("".join(text.split()))


def trace_rows(traced: TraceResult) -> str:
    """A line for each origin: lines, tokens, share, project, version, place and licence."""
    table = []
    for match in traced.matches:
        share = f"{traced.share([match]):.1%}"
        for origin in match.origins:
            place = f"{origin.path}:{origin.first}-{origin.last}"
            project = (origin.project, origin.version, place, origin.licence or NO_LICENCE_LABEL)
            table.append((traced.line_range(match), str(match.tokens), share, *project))
    return "".join("\t".join(map(to_one_line, row)) + "\n" for row in table)


def trace_record(traced: TraceResult) -> Mapping[str, object]:
    """Everything, for `--json`; characters and lines are those of the given range."""
    return {
        "file": traced.source.name,
        "line": traced.line,
        "share": round(traced.share(traced.matches), 4),
        "licences": traced.licences,
        "matches": [
            {
                **asdict(match),
                "share": round(traced.share([match]), 4),
                "lines": traced.line_range(match),
            }
            for match in traced.matches
        ],
    }


def draw_trace(traced: TraceResult, color: bool) -> None:
    """Show each match at a terminal, beside the code it resembles if that is still there."""
    from starcoder_cli.attribution.excerpts import read_excerpt
    from starcoder_cli.terminal.code import BOLD, RESET, write_to_terminal

    for match in traced.matches:
        first, last = traced.lines(match)
        share = f"{traced.share([match]):.0%} of the text"
        head = f"lines {traced.line_range(match)}, {share}, {match.tokens} tokens"
        write_to_terminal(f"{BOLD}{head}{RESET}\n" if color else f"{head}\n")
        for origin in match.origins[:MAX_ORIGINS_SHOWN]:
            write_to_terminal(f"  {to_one_line(describe_origin(origin))}\n")
        more = match.more + len(match.origins[MAX_ORIGINS_SHOWN:])
        if more:
            write_to_terminal(f"  and {more} more\n")
        theirs = read_excerpt(match.origins[0], traced.text[match.start : match.end])
        if theirs:
            mine = LINE_END.split(traced.source.raw)[first - 1 : last]
            for line in side_by_side(mine, first, theirs, match.origins[0].first, color):
                write_to_terminal(line)
        write_to_terminal("\n")


def describe_origin(origin: Origin) -> str:
    """An origin in one line."""
    project = " ".join(word for word in (origin.project, origin.version) if word)
    place = f"{origin.path}:{origin.first}-{origin.last}"
    return f"{project}, {place}, {origin.licence or 'licence unknown'}"


MAX_COMPARED_LINES = 12
BORDER = " │ "


def side_by_side(
    left: Sequence[str], left_first: int, right: Sequence[str], right_first: int, color: bool
) -> Iterator[str]:
    """The first lines of two texts, numbered, each cut to half the width, with the rest counted."""
    last = max(left_first + len(left), right_first + len(right))
    digits = len(str(last))
    width = max(20, (shutil.get_terminal_size().columns - len(BORDER)) // 2 - digits - 1)
    pairs = zip_longest(left[:MAX_COMPARED_LINES], right[:MAX_COMPARED_LINES])
    for at, (one, other) in enumerate(pairs):
        mine = format_cell(left_first + at, one, digits, width, color)
        theirs = format_cell(right_first + at, other, digits, width, color)
        yield f"{mine}{BORDER}{theirs}".rstrip() + "\n"
    more = max(len(left), len(right)) - MAX_COMPARED_LINES
    if more > 0:
        text = f"… {counted(more, 'more line')}"
        yield f"{DIM}{text}{RESET}\n" if color else f"{text}\n"


def format_cell(number: int, line: str | None, digits: int, width: int, color: bool) -> str:
    """One line with its number, exactly as wide as a column."""
    from rich.cells import set_cell_size

    if line is None:
        return " " * (digits + 1 + width)
    text = set_cell_size(sanitize(line.rstrip("\r")).expandtabs(4), width)
    mark = f"{number:>{digits}} "
    return f"{DIM}{mark}{RESET}{text}" if color else mark + text


@dataclass(frozen=True)
class StackLookup:
    """The parts of a text that the service at `host` finds, in characters of the text.

    `line` is the one, from 1, that the text begins on.
    """

    host: str
    text: str
    line: int
    spans: tuple[Span, ...]

    def lines(self, span: Span) -> tuple[int, int]:
        """The first and last line of a part, in the whole source."""
        first = line_at(self.text, span.start)
        last = line_at(self.text, max(span.end - 1, span.start))
        return self.line + first - 1, self.line + last - 1

    def rows(self) -> str:
        """A line for each part, with the same columns as the index's."""
        table = []
        for span in self.spans:
            first, last = self.lines(span)
            part = count_visible_characters(self.text[span.start : span.end])
            share = f"{part / count_visible_characters(self.text):.1%}"
            table.append(
                (f"{first}-{last}", "", share, "The Stack", "", self.host, NO_LICENCE_LABEL)
            )
        return "".join("\t".join(row) + "\n" for row in table)

    def draw(self, color: bool) -> None:
        """Show each part in a line at a terminal."""
        from starcoder_cli.terminal.code import BOLD, RESET, write_to_terminal

        for span in self.spans:
            first, last = self.lines(span)
            head = f"lines {first}-{last}, {span.end - span.start} characters"
            write_to_terminal(f"{BOLD}{head}{RESET}\n" if color else f"{head}\n")
            write_to_terminal(f"  perhaps in The Stack, as {self.host} says\n\n")

    def record(self) -> Mapping[str, object]:
        """Everything, for `--json`; characters are those of the given range."""
        return {
            "host": self.host,
            "spans": [
                {**asdict(span), "first": first, "last": last}
                for span in self.spans
                for first, last in (self.lines(span),)
            ],
            "limits": SERVICE_LIMITS,
        }


def look_up_in_stack(
    source: Source, span: Span, url: str, offline: bool, messages: Messages
) -> StackLookup:
    """What a service finds in a range; a note first says what is sent to it.

    Raises UsageError if the network may not be used, and what `require_sendable` and
    `look_up_text` raise.
    """
    place, text = parse_service_url(url), source.raw[span.start : span.end]
    if offline and not place.is_loopback:
        raise UsageError(f"--offline does not allow asking {place.host}", "omit --portrait")
    require_sendable(source, span)
    line = line_at(source.raw, span.start)
    if len(text.strip()) < MIN_RUN_CHARACTERS:
        messages.note(
            f"{place.host} knows nothing below {MIN_RUN_CHARACTERS} characters: nothing was sent"
        )
        return StackLookup(place.host, text, line, ())
    requests = len(split_into_windows(text))
    times = "1 request" if requests == 1 else f"{requests} requests"
    messages.note(
        f"sending {len(text):,} characters of {source.display_name} to {place.host}, in {times}"
    )

    def report(done: int, total: int) -> None:
        messages.show_status(f"{place.host} has answered {done} of {total} …")

    try:
        found = look_up_text(text, place, report)
    finally:
        messages.show_status("")
    said = f"{place.host} asks" + SERVICE_LIMITS.removeprefix("it asks")
    messages.note(said if found else f"{place.host} finds nothing; {SERVICE_LIMITS}")
    return StackLookup(place.host, text, line, tuple(found))
