"""A text and The Stack's membership service: what is sent, said before, and what it finds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from starcoder_cli.commands.tracing import UNKNOWN, printed
from starcoder_cli.errors import UsageError
from starcoder_cli.output import Messages
from starcoder_cli.portrait import LIMITS, SHORTEST, check, portrait, service, windows
from starcoder_cli.source import Source, Span


@dataclass(frozen=True)
class Portrait:
    """The parts of a text that the service at `host` finds, in characters of the text.

    `line` is the one, from 1, that the text begins on.
    """

    host: str
    text: str
    line: int
    spans: tuple[Span, ...]

    def lines(self, span: Span) -> tuple[int, int]:
        """The first and last line of a part, in the whole source."""
        first = self.text.count("\n", 0, span.start)
        last = self.text.count("\n", 0, max(span.end - 1, span.start))
        return self.line + first, self.line + last

    def rows(self) -> str:
        """A line for each part, with the columns that those of the index have."""
        table = []
        for span in self.spans:
            first, last = self.lines(span)
            share = f"{printed(self.text[span.start : span.end]) / printed(self.text):.1%}"
            table.append((f"{first}-{last}", "", share, "The Stack", "", self.host, UNKNOWN))
        return "".join("\t".join(row) + "\n" for row in table)

    def draw(self, color: bool) -> None:
        """Show each part in a line at a terminal."""
        from starcoder_cli.terminal import BOLD, RESET, emit

        for span in self.spans:
            first, last = self.lines(span)
            head = f"lines {first}-{last}, {span.end - span.start} characters"
            emit(f"{BOLD}{head}{RESET}\n" if color else f"{head}\n")
            emit(f"  perhaps in The Stack, as {self.host} says\n\n")

    def record(self) -> Mapping[str, object]:
        """Everything, for `--json`; characters are those of the range that was given."""
        return {
            "host": self.host,
            "spans": [
                {**asdict(span), "first": first, "last": last}
                for span in self.spans
                for first, last in (self.lines(span),)
            ],
            "limits": LIMITS,
        }


def portrayed(source: Source, span: Span, url: str, offline: bool, messages: Messages) -> Portrait:
    """What the service at an address finds in a range, after a note that says what it is sent.

    Raises UsageError where the network is not to be used, and what `portrait.check` and `portrait`
    raise.
    """
    place, text = service(url), source.raw[span.start : span.end]
    if offline and not place.loopback:
        raise UsageError(f"--offline excludes asking {place.host}", "leave --portrait away")
    check(source, span)
    line = source.raw.count("\n", 0, span.start) + 1
    if len(text.strip()) < SHORTEST:
        messages.note(f"{place.host} knows nothing below {SHORTEST} characters: nothing was sent")
        return Portrait(place.host, text, line, ())
    requests = len(windows(text))
    times = "1 request" if requests == 1 else f"{requests} requests"
    messages.note(f"sending {len(text):,} characters of {source.title} to {place.host}, in {times}")

    def report(done: int, total: int) -> None:
        messages.status(f"{place.host} has answered {done} of {total} …")

    try:
        found = portrait(text, place, report)
    finally:
        messages.status("")
    said = f"{place.host} asks" + LIMITS.removeprefix("it asks")
    messages.note(said if found else f"{place.host} finds nothing; {LIMITS}")
    return Portrait(place.host, text, line, tuple(found))
