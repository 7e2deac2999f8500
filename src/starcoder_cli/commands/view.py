"""How an answer is shown: as bytes, as code at a terminal, in its place, or not at all."""

import sys
from dataclasses import dataclass

from starcoder_cli.errors import UsageError
from starcoder_cli.output import BytesView, Messages, SilentView, View, is_terminal, wants_color
from starcoder_cli.settings import STANDARD_OUTPUT, Color
from starcoder_cli.source import Source, Span

EXCLUSIVE = (
    ("--diff", "--echo"),
    ("--diff", "--in-place"),
    ("--diff", "--json"),
    ("--echo", "--in-place"),
    ("--in-place", "--output"),
)


@dataclass(frozen=True)
class Look:
    """How an answer is to be shown, and where it goes.

    `between` draws it between its lines at a terminal, `in_place` puts it into the file.

    Raises UsageError where one thing excludes another.
    """

    between: bool = False
    json: bool = False
    echo: bool = False
    show_prompt: bool = False
    color: Color = "auto"
    quiet: bool = False
    verbose: bool = False
    diff: bool = False
    in_place: bool = False
    output: str = STANDARD_OUTPUT

    def __post_init__(self) -> None:
        chosen = {
            "--diff": self.diff,
            "--echo": self.echo,
            "--in-place": self.in_place,
            "--json": self.json,
            "--output": self.output != STANDARD_OUTPUT,
        }
        for one, other in EXCLUSIVE:
            if chosen[one] and chosen[other]:
                raise UsageError(f"{one} and {other} exclude each other", "choose one")

    @property
    def streams(self) -> bool:
        """Whether the answer goes to standard output while it is made."""
        return not (self.diff or self.in_place or self.json or self.output != STANDARD_OUTPUT)

    @property
    def draws(self) -> bool:
        """Whether what goes to standard output is for people: sanitised, and coloured or not."""
        return is_terminal(sys.stdout) or self.color == "always"

    @property
    def messages(self) -> Messages:
        """Where notes go."""
        return Messages(self.quiet, self.verbose)


def choose_view(source: Source, span: Span, lexer: str, look: Look) -> View:
    """The view for an answer that belongs in a range of a source."""
    if not look.streams:
        return SilentView()
    before, after = source.raw[: span.start], source.raw[span.end :]
    if not look.draws:
        return BytesView(before, after) if look.echo else BytesView()
    from starcoder_cli.terminal import CodeView, HoleView, Painter

    color = wants_color(look.color)
    painter = Painter(lexer, color)
    if look.between and not look.echo:
        return HoleView(painter, source, span, color)
    return CodeView(painter, before, after, echo=look.echo)
