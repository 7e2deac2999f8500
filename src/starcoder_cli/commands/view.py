"""How an answer is shown: as bytes, as code at a terminal, in its place, or not at all."""

import sys
from dataclasses import dataclass

from starcoder_cli.output import BytesView, Messages, SilentView, View, is_terminal, wants_color
from starcoder_cli.settings import Color
from starcoder_cli.source import Source, Span


@dataclass(frozen=True)
class Look:
    """How an answer is to be shown; `in_place` draws it between its lines at a terminal."""

    in_place: bool = False
    json: bool = False
    echo: bool = False
    show_prompt: bool = False
    color: Color = "auto"
    quiet: bool = False
    verbose: bool = False

    @property
    def messages(self) -> Messages:
        """Where notes go."""
        return Messages(self.quiet, self.verbose)


def choose_view(source: Source, span: Span, lexer: str, look: Look) -> View:
    """The view for an answer that belongs in a range of a source."""
    if look.json:
        return SilentView()
    before, after = source.raw[: span.start], source.raw[span.end :]
    if not is_terminal(sys.stdout) and look.color != "always":
        return BytesView(before, after) if look.echo else BytesView()
    from starcoder_cli.terminal import CodeView, HoleView, Painter

    color = wants_color(look.color)
    painter = Painter(lexer, color)
    if look.in_place and not look.echo:
        return HoleView(painter, source, span, color)
    return CodeView(painter, before, after, echo=look.echo)
