"""Write a man page for each command, from the program itself.

`python tools/manpages.py [FOLDER]` writes them to `man/`, or to the given folder; an installation
puts them where `man` looks. Run it after changing a command or an option: a test compares. The form
is that of man(7).
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from reference import OTHER_VARIABLES, Row, Section, sections
from starcoder_cli.cli import EPILOG, build_command
from starcoder_cli.commands.examples import EXAMPLES

FOLDER = Path(__file__).parent.parent / "man"


def main() -> None:
    """Write the pages, and remove those of commands that no longer exist."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(exist_ok=True)
    every = list(sections(build_command()))
    pages = {page_name(each): render(each, every) for each in every}
    for path in folder.glob("*.1"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def page_name(section: Section) -> str:
    """The file name of a page, such as `starcoder-models-pull.1`."""
    return "-".join(["starcoder", *section.path.split()]) + ".1"


def render(section: Section, every: Sequence[Section]) -> str:
    """Render a page."""
    title = page_name(section).removesuffix(".1")
    purpose, *paragraphs = section.help.split("\n\n")
    lines = [
        f'.TH "{roff(title.upper())}" 1 "" "starcoder" "User Commands"',
        ".SH NAME",
        f"{roff(title)} \\- {roff(purpose[:1].lower() + purpose[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        roff(section.usage),
        *(line for text in paragraphs for line in (".PP", roff(text))),
    ]
    if paragraphs:
        lines.insert(5, ".SH DESCRIPTION")
    if section.arguments:
        lines += [".SH ARGUMENTS", *(line for each in section.arguments for line in item(*each))]
    lines += [".SH OPTIONS", *(line for each in section.options for line in option_lines(each))]
    lines += list(closing(section, every))
    return "\n".join(lines) + "\n"


def closing(section: Section, every: Sequence[Section]) -> Iterator[str]:
    """Yield examples; for the program itself its variables and exit codes; and other pages."""
    examples = EXAMPLES.get(section.path, ())
    if examples:
        yield ".SH EXAMPLES"
        for line, purpose in examples:
            yield from item(line, f"{purpose[:1].upper()}{purpose[1:]}.")
    if not section.path:
        yield ".SH ENVIRONMENT"
        for name, meaning in OTHER_VARIABLES.items():
            yield from item(name, meaning)
        yield ".SH EXIT STATUS"
        yield roff(EPILOG.removeprefix("Exit codes: "))
    others = [page_name(each).removesuffix(".1") for each in every if related(section, each)]
    if others:
        yield ".SH SEE ALSO"
        yield ", ".join(f"\\fB{roff(name)}\\fR(1)" for name in others)


def related(section: Section, other: Section) -> bool:
    """Whether a page refers to another: the one above it, and those directly below it."""
    words, others = section.path.split(), other.path.split()
    return words[:-1] == others != words or others[:-1] == words != others


def option_lines(option: Row) -> Iterator[str]:
    """Yield an option: its names and value, what it does, its default and its variable."""
    ends = [f"Default: {option.default}." if option.default else ""]
    ends.append(f"Variable: {option.variable}." if option.variable else "")
    yield from item(option.names, " ".join((option.help, *filter(None, ends))))


def item(head: str, text: str) -> Iterator[str]:
    """Yield a term in bold, and its description."""
    yield ".TP"
    yield f"\\fB{roff(head)}\\fR"
    yield roff(text)


def roff(text: str) -> str:
    """A text on one line that is not a roff request, without Markdown's backticks."""
    plain = re.sub(r"`([^`]*)`", r"\1", " ".join(text.split()))
    safe = plain.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{safe}" if safe.startswith(".") else safe


if __name__ == "__main__":
    main()
