"""Right answers inside what models put around them: fences, talk, what is already there.

    python bench/wrapped.py FOLDER [--files N]

FOLDER is as for `perfect.py`, whose holes these are. Each is answered with the original text, by a
model that says more than that and stops by itself. Prints how often the file is then not what it
was, for each way of saying more and each kind of hole.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from file_holes import KINDS, holes
from perfect import PerfectModel
from real_files import RealFile, real_files
from starcoder_cli.catalog import find_model
from starcoder_cli.files.source import FileMetadata, Source, Span
from starcoder_cli.infill import Infill, PreparedPrompt
from starcoder_cli.languages import find_language
from starcoder_cli.model import Prompt, Sampling
from starcoder_cli.stream import collect

PROSE = {"markdown", "restructuredtext"}
TALK = "This code fills in the missing part. Let me know if you have any questions!"


def wrapped(
    kind: str, before: str, answer: str, code: str, after: str
) -> Iterator[tuple[str, str]]:
    """Yield ways of saying an answer; `code` is the answer with its first line's indentation."""
    block = f"```\n{code}\n```\n"
    yield "a fence around it", block
    yield "a sentence, a fence", f"Here is the completed code:\n\n{block}\n{TALK}\n"
    yield "a fence and a sentence behind it", f"{answer}\n```\n\n{TALK}\n"
    begun, rest = before.rpartition("\n")[2].lstrip(), after.partition("\n")[0]
    if kind in ("argument", "rest") and begun.strip():
        yield "the beginning of its line again", begun + answer
        if rest.strip():
            yield "all of its line again", begun + answer + rest
            yield "the rest of its line again", answer + rest


def measure(file: RealFile) -> list[tuple[str, str, bool]]:
    """For each hole of a file and each way, whether the file is then different."""
    chance, language = random.Random(file.name), find_language(file.language)
    spec, found = replace(find_model("echo"), engine="endpoint"), list[tuple[str, str, bool]]()
    for number, (kind, place) in enumerate(holes(file.text, chance)):
        before, after = file.text[: place.start], file.text[place.end :]
        middle = file.text[place.start : place.end]
        source, span = Source(file.name, file.text), Span(place.start, place.end)
        infill = Infill(source, span, spec, language, FileMetadata(file.name), 1024)
        answer = middle[len(infill.lead) :]
        for way, text in wrapped(kind, before, answer, infill.lead + answer, after):
            model = PerfectModel(text, "stop", (1, 7)[number % 2])
            prompt = PreparedPrompt(Prompt(("",)))
            completion = collect(infill.stream(model, prompt, Sampling(1024)))
            found.append((way, kind, source.splice(span, completion.text) != file.text))
    return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=40, help="every n-th file alone")
    options = parser.parse_args()
    files = [file for file in real_files(options.folder) if file.language not in PROSE]
    with ProcessPoolExecutor(2) as pool:
        parts = pool.map(measure, files[:: options.files], chunksize=2)
        results = [each for part in parts for each in part]
    counts = Counter((way, kind) for way, kind, _ in results)
    wrong = Counter((way, kind) for way, kind, is_wrong in results if is_wrong)
    print(f"| said | {' | '.join(KINDS)} |\n|---{'|---' * len(KINDS)}|")
    for way in dict(counts.keys()):
        cells = [
            f"{100 * wrong[way, kind] / counts[way, kind]:.1f} %" if counts[way, kind] else "-"
            for kind in KINDS
        ]
        print(f"| {way} | {' | '.join(cells)} |")
    print(f"\n{len(files[:: options.files])} files, {sum(counts.values())} answers")


if __name__ == "__main__":
    main()
