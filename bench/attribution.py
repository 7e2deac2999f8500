"""What an index of the standard library and all installed packages costs, and what it finds.

    python bench/attribution.py --peers FOLDER [--scancode PROGRAM] [--picture FILE] [--snippets N]

FOLDER contains `black` and `copydetect` (pip install --target FOLDER black copydetect); PROGRAM is
ScanCode's `scancode`. Prints tables in Markdown. What is reported is checked against the text of
the files themselves, token by token and without hashes.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from copying import peers
from snippets import Snippet, lines, normal, renamed, snippets
from starcoder_cli.attribution import find_matches
from starcoder_cli.attribution.fingerprints import MIN_MATCH_TOKENS
from starcoder_cli.attribution.matches import Match, Origin
from starcoder_cli.attribution.projects import find_projects, open_tree
from starcoder_cli.languages import detect_language

SIZES = 8, 4, 2, 1  # divisors of all files
TRACED = 200


@dataclass(frozen=True)
class Cost:
    """What it took to index some files: seconds, bytes of the index, and peak memory in bytes."""

    files: int
    source: int
    seconds: float
    index: int
    memory: int


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True)
    parser.add_argument("--scancode", default="")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--snippets", type=int, default=1000)
    options = parser.parse_args()
    sys.path.append(str(options.peers))
    paths = sysconfig.get_paths()
    roots = [Path(paths["stdlib"]), Path(paths["purelib"])]
    files = [file for root in roots for file in code(root)]
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        work = Path(folder)
        costs = grown(files, work)
        index = work / "1.sqlite"
        table_of_costs(costs, roots, work)
        times = traced(files, index)
        median, most = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        print(
            f"\nA trace of 100 lines in the process: median {1000 * median:.1f} ms, 95 % below"
            f" {1000 * most:.1f} ms, longest {1000 * max(times):.1f} ms ({len(times)} traces)."
        )
        python = [file for file in files if file.suffix == ".py"]
        pieces = snippets(python, options.snippets, seed=1)
        table_of_recall(pieces, list(lines(python, options.snippets, seed=2)), index, work)
        precision(pieces, index, work)
        peers(pieces, index, options.scancode, work)
    if options.picture:
        draw(costs, options.picture)


def code(root: Path) -> list[Path]:
    """The code files below a folder that are indexed; of a library, without its site-packages."""
    found = find_projects(open_tree(root), excluded_folders=["site-packages"])
    names = [root / name for project in found for name in project.code_files]
    return [file for file in names if file.is_file() and not file.is_symlink()]


def grown(files: Sequence[Path], work: Path) -> list[Cost]:
    """The cost of a random eighth, quarter, half and all of the files, copied into folders."""
    shuffled = random.Random(0).sample(files, len(files))
    costs = []
    for part in SIZES:
        folder = work / f"part-{part}"
        chosen = shuffled[: len(shuffled) // part]
        for file in chosen:
            target = folder / file.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        costs.append(cost([folder], chosen, work / f"{part}.sqlite"))
        print(f"<!-- {costs[-1]} -->", flush=True)
    return costs


def cost(paths: Sequence[Path], files: Sequence[Path], index: Path) -> Cost:
    """Run `starcoder index add`, and watch the memory of all its processes."""
    command = [sys.executable, "-m", "starcoder_cli", "index", "add", *map(str, paths)]
    begin = time.perf_counter()
    process = subprocess.Popen([*command, "--index", str(index)], stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.05)
    seconds = time.perf_counter() - begin
    assert process.returncode == 0
    source = sum(file.stat().st_size for file in files)
    return Cost(len(files), source, seconds, index.stat().st_size, peak)


def resident(process: int) -> int:
    """The bytes of a process and its children (Linux, PSS: shared memory counts once)."""
    place = Path(f"/proc/{process}")
    try:
        lines_ = (place / "smaps_rollup").read_text().splitlines()
        children = (place / f"task/{process}/children").read_text().split()
    except OSError:  # gone in the meantime
        return 0
    own = sum(1024 * int(line.split()[1]) for line in lines_ if line.startswith("Pss:"))
    return own + sum(resident(int(child)) for child in children)


def table_of_costs(costs: Sequence[Cost], roots: Sequence[Path], work: Path) -> None:
    """The sizes, and also all of it as a user would index it, with metadata and licences."""
    library = work / "library"
    shutil.copytree(roots[0], library, ignore=shutil.ignore_patterns("site-packages"))
    files = [file for root in (library, roots[1]) for file in code(root)]
    costs = [*costs, cost([library, roots[1]], files, work / "whole.sqlite")]
    print("| files | source | seconds | files/s | index | of the source | memory |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for each in costs:
        print(
            f"| {each.files:,} | {each.source / 1e6:.0f} MB | {each.seconds:.1f}"
            f" | {each.files / each.seconds:.0f} | {each.index / 1e6:.1f} MB"
            f" | {each.index / each.source:.1%} | {each.memory / 1e6:.0f} MB |",
            flush=True,
        )


def traced(files: Sequence[Path], index: Path) -> list[float]:
    """The seconds that traces of 100 lines take, in this process."""
    chance = random.Random(3)
    times: list[float] = []
    while len(times) < TRACED:
        file = chance.choice(files)
        text = file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        if len(text) < 100:
            continue
        first = chance.randrange(len(text) - 99)
        language = detect_language(file.name)
        begin = time.perf_counter()
        find_matches("".join(text[first : first + 100]), language.name if language else None, index)
        times.append(time.perf_counter() - begin)
    return times


def table_of_recall(
    pieces: Sequence[Snippet], ranges: Sequence[tuple[Path, str, int]], index: Path, work: Path
) -> None:
    """How many pieces are found, in each form, and how much of each."""
    print("\n| form | pieces | found | with their file, or too many | of their tokens |")
    print("| --- | ---: | ---: | ---: | ---: |")
    forms: Mapping[str, Iterable[tuple[Path, str, int]]] = {
        **{
            form: [(each.file, each.forms[form], len(normal(each.forms[form]))) for each in pieces]
            for form in pieces[0].forms
        },
        "any lines": ranges,
    }
    for form, texts in forms.items():
        found, named, shares = 0, 0, []
        for file, text, count in texts:
            matches = find_matches(text, "python", index)
            best = max(matches, key=lambda match: match.tokens, default=None)
            found += best is not None
            named += any(
                match.more or any(is_from(origin, file) for origin in match.origins)
                for match in matches
            )
            shares.append(min(1.0, best.tokens / count) if best else 0.0)
        total = len(shares)
        print(
            f"| {form} | {total} | {found / total:.1%} | {named / total:.1%}"
            f" | {statistics.mean(shares):.1%} |",
            flush=True,
        )


def is_from(origin: Origin, file: Path) -> bool:
    """Whether an origin is a file, or the copy of it that was indexed."""
    return f"{origin.root}/{origin.path}".endswith(str(file))


def precision(pieces: Sequence[Snippet], index: Path, work: Path) -> None:
    """Whether what is reported is there, for code that is in the index and for code that is not."""
    for what, texts in (
        ("verbatim", [each.text for each in pieces]),
        (
            "of other names, so in no file",
            [renamed(each.text, at) for at, each in enumerate(pieces)],
        ),
    ):
        spans = false = longest = touched = 0
        for text in texts:
            matches = find_matches(text, "python", index)
            touched += bool(matches)
            for match in matches:
                spans += 1
                longest = max(longest, match.tokens)
                false += not is_true(text, match, work)
        print(
            f"\nPieces {what}: {len(texts)}, with spans {touched}; spans {spans}, the longest of"
            f" {longest} tokens; false {false}.",
            flush=True,
        )


def is_true(text: str, match: Match, work: Path) -> bool:
    """Whether a span's tokens occur in sequence in the text of the first file named."""
    origin = match.origins[0]
    theirs = (Path(origin.root) / origin.path).read_text(encoding="utf-8", errors="surrogateescape")
    mine = normal(text[match.start : match.end])
    joined = b"\0" + b"\0".join(mine) + b"\0"
    return len(mine) >= MIN_MATCH_TOKENS and joined in b"\0" + b"\0".join(normal(theirs)) + b"\0"


def draw(costs: Sequence[Cost], to: Path) -> None:
    """Draw seconds and bytes over the number of files."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    files = [each.files for each in costs]
    wanted: tuple[tuple[str, Callable[[Cost], float]], ...] = (
        ("seconds", lambda each: each.seconds),
        ("MB of the index", lambda each: each.index / 1e6),
    )
    for axis, (name, value) in zip(axes, wanted, strict=True):
        values = [value(each) for each in costs]
        axis.plot(files, values, "o", label="measured")
        last = values[-1] / files[-1]
        axis.plot([0, files[-1]], [0, last * files[-1]], "--", color="grey", label="in proportion")
        axis.set(xlabel="files", ylabel=name, xlim=(0, None), ylim=(0, None))
        axis.legend()
    figure.savefig(to)


if __name__ == "__main__":
    os.environ.pop("STARCODER_INDEX", None)
    main()
