"""Holes in real files, filled by the default model: how many files are sound with its answers.

    python bench/real_holes.py FOLDER ANSWERS [--model NAME]

FOLDER is where the packages of `bench/real_files.py` are fetched to, ANSWERS a file for what the
model wrote, which is asked once: the table is of the same texts, as they are and cleaned up. A file
is sound if a parser finds no errors in it; those with errors beforehand are left out. How close an
answer is to the original text is difflib's ratio.
"""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path

import starcoder_cli
from file_holes import holes
from perfect import PerfectModel
from real_files import RealFile, real_files
from starcoder_cli.candidates.syntax import count_syntax_errors
from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.files.source import FileMetadata, Source, Span
from starcoder_cli.infill import Infill, PreparedPrompt
from starcoder_cli.languages import find_language
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.stream import FinishReason, collect

LANGUAGES = (
    *("c", "cpp", "go", "java", "javascript"),
    *("php", "python", "ruby", "rust", "typescript"),
)
HOLES_PER_LANGUAGE = 10
MAX_TOKENS = 128
MAX_PREFIX, MAX_SUFFIX = 2000, 1000


@dataclass(frozen=True)
class RealHole:
    """A place in a real file, and what is there."""

    file: RealFile
    kind: str
    span: Span

    @property
    def middle(self) -> str:
        """The original text in the hole."""
        return self.file.text[self.span.start : self.span.end]


def choose_holes(folder: Path) -> Iterator[RealHole]:
    """Yield the first hole of each kind in turn, in one sound file each."""
    counts = dict.fromkeys(LANGUAGES, 0)
    kinds = ("line", "block", "lines", "argument", "rest")
    for file in real_files(folder):
        count = counts.get(file.language, HOLES_PER_LANGUAGE)
        if count >= HOLES_PER_LANGUAGE or count_syntax_errors(file.text, file.language):
            continue
        found = dict(holes(file.text, random.Random(file.name)))
        kind = kinds[count % len(kinds)]
        if kind in found:
            counts[file.language] += 1
            yield RealHole(file, kind, found[kind])


def ask(model: str, chosen: list[RealHole], answers: Path) -> list[dict[str, str]]:
    """What the model writes for each hole, untrimmed; answers already in the file are kept."""
    answers.touch()
    known = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    with starcoder_cli.load(model) as loaded, answers.open("a", encoding="utf-8") as out:
        for hole in chosen[len(known) :]:
            text, span = hole.file.text, hole.span
            lead = len(hole.middle) - len(hole.middle.lstrip(" \t"))
            before = text[: span.start + lead][-MAX_PREFIX:]
            after = text[span.end :][:MAX_SUFFIX]
            answer = loaded.fill(
                before, after, raw=True, max_tokens=MAX_TOKENS, filename=hole.file.name
            )
            known.append({"text": answer.text, "reason": answer.reason})
            out.write(json.dumps(known[-1]) + "\n")
            out.flush()
    return known


def clean_up(hole: RealHole, answer: dict[str, str]) -> str:
    """What `fill` would leave of an answer."""
    source = Source(hole.file.name, hole.file.text)
    spec = replace(find_model("echo"), engine="endpoint")
    language = find_language(hole.file.language)
    infill = Infill(source, hole.span, spec, language, FileMetadata(hole.file.name), MAX_TOKENS)
    reason: FinishReason = "length" if answer["reason"] == "length" else "stop"
    model = PerfectModel(answer["text"], reason, 5)
    chunks = infill.stream(model, PreparedPrompt(Prompt(("",))), Sampling(MAX_TOKENS))
    return collect(chunks).text


def is_sound(hole: RealHole, text: str) -> bool:
    """Whether a parser finds no errors in the file with a text in the hole."""
    before, after = hole.file.text[: hole.span.start], hole.file.text[hole.span.end :]
    return not count_syntax_errors(before + text + after, hole.file.language)


def main() -> None:
    """Ask what has not been answered yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--model", default=SMALL_MODEL)
    options = parser.parse_args()
    chosen = list(choose_holes(options.folder))
    answers = ask(options.model, chosen, options.answers)
    print("| language | holes | raw: sound | like the original | cleaned up: sound | like it |")
    print("|---|---|---|---|---|---|")
    for language in (*LANGUAGES, "all"):
        cells = [0, 0.0, 0, 0.0]
        rows = [
            (hole, answer)
            for hole, answer in zip(chosen, answers, strict=True)
            if language in (hole.file.language, "all")
        ]
        for hole, answer in rows:
            lead = hole.middle[: len(hole.middle) - len(hole.middle.lstrip(" \t"))]
            raw, ours = lead + answer["text"], clean_up(hole, answer)
            for at, text in ((0, raw), (2, ours)):
                cells[at] += is_sound(hole, text)
                cells[at + 1] += SequenceMatcher(None, text, hole.middle).ratio()
        raw_sound, raw_like, sound, like = (cell / len(rows) for cell in cells)
        print(
            f"| {language} | {len(rows)} | {raw_sound:.0%} | {raw_like:.2f} "
            f"| {sound:.0%} | {like:.2f} |"
        )


if __name__ == "__main__":
    main()
