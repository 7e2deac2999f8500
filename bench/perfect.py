"""Right answers that the clean-up changes: the very text that was cut out of real files.

Each hole is answered with what was there, by a model that stops by itself and by one that runs on
into the suffix; the result is spliced into the file, which must then be what it was. What is
completed, behind an opening bracket at the end of a line, is not in the file.

    python bench/perfect.py FOLDER [--files N] [--list FILE] [--marker TEXT] [--times]

FOLDER is where the packages of `bench/real_files.py` are fetched to.
"""

import argparse
import random
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from file_holes import COMPLETED, KINDS, holes
from real_files import RealFile, real_files
from starcoder_cli.candidates.syntax import count_syntax_errors
from starcoder_cli.catalog import find_model
from starcoder_cli.files.source import FileMetadata, Source, Span
from starcoder_cli.infill import Infill, PreparedPrompt
from starcoder_cli.languages import find_language
from starcoder_cli.model import SPELLS_NOTHING, Prompt, Question, Sampling
from starcoder_cli.stream import Chunk, FinishReason, Stream, collect

RUN_ON_CHARACTERS = 600


@dataclass(frozen=True)
class PerfectModel:
    """Answers with a text, in pieces of `size` characters."""

    text: str
    reason: FinishReason
    size: int
    window: int = 1 << 20
    engine: str = "perfect"
    spells = SPELLS_NOTHING
    chat_template: str = ""

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        """Yield the text, and then why it ended."""
        for at in range(0, len(self.text), self.size):
            yield Chunk(self.text[at : at + self.size], 1)
        yield Chunk("", 0, self.reason)

    def count(self, text: str) -> int:
        """The number of characters."""
        return len(text)

    def has_token(self, text: str) -> bool:
        """There are no control tokens."""
        return False

    def close(self) -> None:
        """There is nothing to close."""


@dataclass(frozen=True)
class Result:
    """What became of one hole."""

    language: str
    kind: str
    runs_on: bool
    where: str
    is_damaged: bool
    is_broken: bool
    rules: tuple[str, ...]
    text: str
    expected: str


def measure(file: RealFile, marker: str | None = None) -> list[Result]:
    """Try all holes of a file, both ways, alternating line ends and chunk sizes.

    With a marker, the file has that in the hole, after the indentation of what belongs there.
    """
    chance = random.Random(file.name)
    language = find_language(file.language)
    errors = count_syntax_errors(file.text, file.language)
    results = []
    for number, (kind, place) in enumerate(holes(file.text, chance)):
        newline, size = ("\n", "\r\n")[number // 2 % 2], (1, 7)[number % 2]
        before, middle, after = (
            part.replace("\n", newline)
            for part in (
                file.text[: place.start],
                file.text[place.start : place.end],
                file.text[place.end :],
            )
        )
        line_begins = not before or before.endswith("\n")
        lead = middle[: len(middle) - len(middle.lstrip(" \t"))] if line_begins else ""
        filling = middle if marker is None else lead * bool(marker) + marker
        filling = "" if kind == COMPLETED else filling
        source = Source(file.name, before + filling + after)
        span = Span(len(before), len(before) + len(filling))
        spec = replace(find_model("echo"), engine="endpoint")
        infill = Infill(source, span, spec, language, FileMetadata(file.name), 1024)
        expected = middle[len(infill.lead) :]
        for runs_on in (False, True) if after.strip() else (False,):
            text = expected + (after[:RUN_ON_CHARACTERS] if runs_on else "")
            model = PerfectModel(text, "length" if runs_on else "stop", size)
            prompt = PreparedPrompt(Prompt(("",)))
            completion = collect(infill.stream(model, prompt, Sampling(1024)))
            result = source.splice(span, completion.text)
            is_damaged = result != before + middle + after
            if kind == COMPLETED:  # blank lines around what is completed are nobody's
                is_damaged = completion.text.rstrip() != expected.rstrip()
            is_broken = is_damaged and errors == 0
            if is_broken:
                text = result.replace("\r\n", "\n")
                is_broken = bool(count_syntax_errors(text, file.language))
            line = before.count("\n") + 1
            ends = "LF" if newline == "\n" else "CRLF"
            where = f"{file.package}:{file.name}:{line} ({ends})"
            results.append(
                Result(
                    file.language,
                    kind,
                    runs_on,
                    where,
                    is_damaged,
                    is_broken,
                    completion.trimmed,
                    completion.text,
                    infill.lead + expected,
                )
            )
    return results


LONG_LINES = {
    "lines": "x = 1\n",
    "lines of the suffix": "#\n",
    "sentences": "This is a sentence of no use.\n",
    "jumps beside the suffix": "return\n",
    "blank lines": "\n",
    "one line": "a, ",
    "closing brackets": ") ",
}


def print_times() -> None:
    """Print how long the clean-up of long answers takes, in one-character pieces."""
    print("| answer of | seconds for 16,000 characters | for 64,000 | times |")
    print("|---|---|---|---|")
    for name, line in LONG_LINES.items():
        seconds = [min(clean_up_seconds(line, count) for _ in range(3)) for count in (16000, 64000)]
        times = seconds[1] / seconds[0]
        print(f"| {name} | {seconds[0]:.2f} | {seconds[1]:.2f} | {times:.1f} |")


def clean_up_seconds(line: str, characters: int) -> float:
    """Seconds of CPU time for an answer that repeats a line and is cut off."""
    text = (line * characters)[:characters]
    is_inside = "\n" not in line
    before, after = ("f(", ")\n") if is_inside else ("def f():\n    a\n#\n", "\n#\nreturn\n")
    source, at = Source("a.py", before + "1" * is_inside + after), len(before)
    spec = replace(find_model("echo"), engine="endpoint")
    span = Span(at, at + is_inside)
    infill = Infill(source, span, spec, find_language("python"), FileMetadata("a.py"), characters)
    model = PerfectModel(text, "length", 1)
    begin = time.process_time()
    collect(infill.stream(model, PreparedPrompt(Prompt(("",))), Sampling(characters)))
    return time.process_time() - begin


def percent(part: int, whole: int) -> str:
    """A share, for a table."""
    return f"{100 * part / whole:.2f} %" if whole else "-"


def print_tables(results: list[Result]) -> None:
    """Print what was damaged: by kind, and by language."""
    files = len({result.where.rpartition(":")[0] for result in results})
    print(f"{files} files, {sum(not each.runs_on for each in results)} holes\n")
    print("| hole | n | stops: damaged | broken | runs on: damaged | broken |")
    print("|---|---|---|---|---|---|")
    for kind in (*KINDS, "all"):
        print_row(kind, [each for each in results if kind in (each.kind, "all")])
    print("\n| language | n | stops: damaged | broken | runs on: damaged | broken |")
    print("|---|---|---|---|---|---|")
    for language in sorted({result.language for result in results}):
        print_row(language, [each for each in results if each.language == language])


def print_worst(results: list[Result]) -> None:
    """Print the kinds within languages of which over one per cent is damaged, and how much."""
    counts = Counter((each.language, each.kind, each.runs_on) for each in results)
    damaged = Counter((x.language, x.kind, x.runs_on) for x in results if x.is_damaged)
    worst = sorted(group for group in counts if damaged[group] > counts[group] / 100)
    print(
        "\nabove 1 % by language and kind:",
        "; ".join(
            f"{language}, {kind}, {'runs on' if runs_on else 'stops'}: "
            f"{damaged[language, kind, runs_on]} of {counts[language, kind, runs_on]}"
            for language, kind, runs_on in worst
        )
        or "none",
    )


def print_row(name: str, results: list[Result]) -> None:
    """Print one row of a table."""
    cells = [name, str(sum(not each.runs_on for each in results))]
    for runs_on in (False, True):
        chosen = [each for each in results if each.runs_on == runs_on]
        cells.append(percent(sum(each.is_damaged for each in chosen), len(chosen)))
        cells.append(str(sum(each.is_broken for each in chosen)))
    print(f"| {' | '.join(cells)} |")


def main() -> None:
    """Measure, and print the tables; with --list, what was damaged too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=0, help="every n-th file alone")
    parser.add_argument("--list", type=Path)
    parser.add_argument("--marker", help="what the file has in the hole; the right text by default")
    parser.add_argument("--times", action="store_true", help="measure long answers instead")
    options = parser.parse_args()
    if options.times:
        print_times()
        return
    files = list(real_files(options.folder))[:: options.files or 1]
    with ProcessPoolExecutor(2) as pool:
        results = [
            each
            for found in pool.map(partial(measure, marker=options.marker), files, chunksize=4)
            for each in found
        ]
    print_tables(results)
    print_worst(results)
    damaged = [each for each in results if each.is_damaged]
    print("\nrules:", Counter((each.runs_on, *each.rules) for each in damaged).most_common())
    if options.list:
        blocks = (
            f"=== {each.where} {each.language} {each.kind} {'runs on' if each.runs_on else 'stops'}"
            f"{' BROKEN' if each.is_broken else ''} {each.rules}\n--- got\n{each.text}\n"
            f"--- expected\n{each.expected}\n"
            for each in damaged
        )
        options.list.write_text("".join(blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
