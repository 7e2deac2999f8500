"""What other programs find of the same pieces of code, and how long they take."""

import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from snippets import Snippet
from starcoder_cli.attribution import find_matches

PIECES, FILES = 50, 200


def peers(pieces: Sequence[Snippet], index: Path, scancode: str, work: Path) -> None:
    """Print a table: starcoder, copydetect and ScanCode on the first pieces, in each form."""
    chosen = pieces[:PIECES]
    print(
        f"\n| program | compares {PIECES} pieces with |",
        *(f"{form} |" for form in chosen[0].forms),
        "seconds a piece |",
    )
    print("| --- | --- |", *("---: |" for _ in chosen[0].forms), "---: |")
    rows = {
        "`starcoder trace`": ("the index of all files", ours(chosen, index)),
        "`copydetect`": (f"{FILES} files, theirs among them", copydetect(pieces, work)),
    }
    if scancode:
        rows["`scancode --license`"] = ("the texts of licences", licences(chosen, scancode, work))
    for program, (other, (found, seconds)) in rows.items():
        cells = " | ".join(f"{found[form]}" for form in chosen[0].forms)
        print(f"| {program} | {other} | {cells} | {seconds:.3f} |", flush=True)


def ours(pieces: Sequence[Snippet], index: Path) -> tuple[Mapping[str, int], float]:
    """How many are found in each form, and the seconds that one takes."""
    begin = time.perf_counter()
    found = {
        form: sum(bool(find_matches(each.forms[form], "python", index)) for each in pieces)
        for form in pieces[0].forms
    }
    return found, (time.perf_counter() - begin) / len(pieces) / len(found)


def copydetect(pieces: Sequence[Snippet], work: Path) -> tuple[Mapping[str, int], float]:
    """As `ours`, for copydetect, comparing each piece with each file, with the same k and t."""
    from copydetect import CopyDetector

    references = work / "references"
    references.mkdir()
    own = list(dict.fromkeys(piece.file for piece in pieces))[:FILES]
    names = {}
    for number, file in enumerate(own):
        names[file] = f"r{number}.py"
        shutil.copyfile(file, references / names[file])
    found: dict[str, int] = {}
    begin = time.perf_counter()
    for form in pieces[0].forms:
        folder = work / f"pieces-{len(found)}"
        folder.mkdir()
        for number, piece in enumerate(pieces[:PIECES]):
            (folder / f"p{number}.py").write_text(piece.forms[form], encoding="utf-8")
        detector = CopyDetector(
            test_dirs=[str(folder)],
            ref_dirs=[str(references)],
            extensions=["py"],
            display_t=0.5,
            silent=True,
            autoopen=False,
        )
        detector.run()
        pairs = {(Path(row[2]).name, Path(row[3]).name) for row in detector.get_copied_code_list()}
        found[form] = sum(
            (f"p{number}.py", names[piece.file]) in pairs
            for number, piece in enumerate(pieces[:PIECES])
        )
    return found, (time.perf_counter() - begin) / PIECES / len(found)


def licences(
    pieces: Sequence[Snippet], program: str, work: Path
) -> tuple[Mapping[str, int], float]:
    """How many pieces ScanCode sees a licence in, and the seconds that one takes."""
    found: dict[str, int] = {}
    begin = time.perf_counter()
    for number, form in enumerate(pieces[0].forms):
        out = work / "scancode.json"
        command = [program, "--license", "--quiet", "--processes", "2", "--json", str(out)]
        subprocess.run([*command, str(work / f"pieces-{number}")], check=True, capture_output=True)
        files = json.loads(out.read_text())["files"]
        found[form] = sum(bool(each.get("detected_license_expression")) for each in files)
    return found, (time.perf_counter() - begin) / len(pieces) / len(found)
