"""Commits as edits: the message is the instruction, and the file after it the right answer.

    python bench/commits.py REPOSITORY... [--limit N] [--list FILE]

REPOSITORY is a git repository, bare or not. A commit counts if it changes one file of code in at
most 60 lines, and the file has at most 600. Asked is for the whole file (`edit FILE`) and for the
lines that changed with five around them, and answered with what the commit made of them, in a
fence. Such an answer has to be accepted and saved as it is. The same answer without a definition
of several lines that the commit leaves alone has to be refused.
"""

import argparse
import difflib
import random
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perfect import PerfectModel
from starcoder_cli.app.defects import find_defect
from starcoder_cli.app.edit import edit_task
from starcoder_cli.app.request import Request
from starcoder_cli.candidates.functions import find_functions
from starcoder_cli.candidates.syntax import find_body_ranges
from starcoder_cli.files.source import Source, Span
from starcoder_cli.languages import detect_language
from starcoder_cli.model import Conversation, Sampling
from starcoder_cli.postprocess.trim_options import PROSE_LANGUAGES
from starcoder_cli.stream import collect
from starcoder_cli.terminal.output import Messages

MAX_LINES, MAX_CHANGED_LINES, LINES_AROUND = 600, 60, 5
MIN_DEFINITION_LINES = 2
NEWLINE = "\n"
FILE, FILE_TALK, RANGE, LOST = "file", "file, with talk", "range", "file that lost a definition"
TALKS = (FILE_TALK, LOST)
PREFIX = re.compile(r"^\w+(\([^)]*\))?!?: ")
NUMBER = re.compile(r" \(#\d+\)$")
NO_INSTRUCTION = re.compile(r"^(merge|revert|bump|release|wip|fixup|v?\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Change:
    """What a commit made of a file."""

    commit: str
    path: str
    instruction: str
    before: str
    after: str


@dataclass(frozen=True)
class Verdict:
    """What became of an answer: `saved`, `changed`, or why it was refused."""

    kind: str
    outcome: str
    change: Change


def git(repository: Path, *words: str) -> str:
    """What git prints; bytes that are no text are replaced."""
    command = ["git", "-C", str(repository), *words]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def changes(repository: Path, limit: int) -> Iterator[Change]:
    """The latest commits that are edits of one file of code."""
    text = git(
        repository, "log", "--no-merges", "--diff-filter=M", "--numstat", "--format=%x00%H%n%s"
    )
    found = 0
    for record in text.split("\0")[1:]:
        commit, subject, *rest = record.split("\n")
        files = [row.split("\t") for row in rest if row]
        instruction = NUMBER.sub("", PREFIX.sub("", subject))
        if len(files) != 1 or NO_INSTRUCTION.match(instruction) or len(instruction.split()) < 2:
            continue
        added, removed, path = files[0]
        language = detect_language(path)
        is_code = language is not None and language.name not in (*PROSE_LANGUAGES, "text")
        if not (is_code and added.isdigit() and int(added) + int(removed) <= MAX_CHANGED_LINES):
            continue
        before = git(repository, "show", f"{commit}^:{path}")
        after = git(repository, "show", f"{commit}:{path}")
        if 0 < before.count("\n") <= MAX_LINES and "\ufffd" not in before + after:
            yield Change(commit[:10], path, instruction, before, after)
            found += 1
        if found == limit:
            return


class ChattingModel(PerfectModel):
    """A model whose server formats conversations."""

    spells = frozenset({Conversation})


def judge(change: Change, kind: str, span: Span, answer: str) -> Verdict:
    """What the program does with an answer for a range of the file before the commit."""
    source, quiet = Source(change.path, change.before), Messages(quiet=True)
    request = Request("qwen2.5-coder-0.5b", Sampling(10_000))
    task = edit_task(source, span, request, quiet, change.instruction)
    fence = "`" * 9
    text = f"{answer.rstrip(NEWLINE)}\n{fence}\n"
    model = PerfectModel(text, "stop", 4000)
    if kind in TALKS:
        text = f"Here is the new code:\n\n{fence}{task.language.lexer}\n{text}\nIt is done."
        model = ChattingModel(text, "stop", 4000)
    completion = collect(task.stream(model, task.prompt(model, quiet), Sampling()))
    defect = find_defect(task, source, span, completion, request)
    if defect and defect.kept_out:
        return Verdict(kind, f"refused: {defect.error.message}", change)
    result, wanted = (source.splice(span, each) for each in (completion.text, answer))
    is_same = result.rstrip(NEWLINE) == wanted.rstrip(NEWLINE)
    return Verdict(kind, "saved" if is_same else "changed", change)


def judge_change(change: Change) -> Iterator[Verdict]:
    """What becomes of the right answers of a commit, and of those that lose something."""
    old, new = change.before.splitlines(keepends=True), change.after.splitlines(keepends=True)
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    edits = [block for block in blocks if block[0] != "equal"]
    if not edits or not change.after.strip():
        return
    for kind in (FILE, FILE_TALK):
        yield judge(change, kind, Span(0, len(change.before)), change.after)
    first = max(edits[0][1] - LINES_AROUND, 0)
    last = min(edits[-1][2] + LINES_AROUND, len(old))
    new_last = edits[-1][4] + last - edits[-1][2]
    span = Span(len("".join(old[:first])), len("".join(old[:last])))
    answer = "".join(new[edits[0][3] - (edits[0][1] - first) : new_last])
    if answer.strip() and change.before[span.start : span.end].strip():
        yield judge(change, RANGE, span, answer)
    if shorter := without_function(change):
        yield judge(change, LOST, Span(0, len(change.before)), shorter)


def without_function(change: Change) -> str:
    """The file after the commit without a function that is the same in both; empty if none is."""
    language = detect_language(change.path)
    assert language
    lines = change.after.splitlines(keepends=True)
    starts = [len("".join(lines[:number])) for number in range(len(lines))]
    bodies = find_body_ranges(change.after, language.name)
    texts = []
    for function in find_functions(change.after, language.name):
        start = starts[function.line]
        ends = [end for begin, end in bodies if begin > start]
        end = change.after.find("\n", min(ends, default=len(change.after))) + 1
        text = change.after[start:end]
        is_alone = change.after.count(text) == change.before.count(text) == 1
        if is_alone and text.count("\n") > MIN_DEFINITION_LINES:
            texts.append(text)
    if not texts:
        return ""
    return change.after.replace(random.Random(change.commit).choice(texts), "")


def main() -> None:
    """Judge the changes of each repository, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--limit", type=int, default=100, help="so many commits of each")
    parser.add_argument("--list", type=Path, help="where to write what went wrong")
    options = parser.parse_args()
    verdicts = [
        (repository, verdict)
        for repository in options.repositories
        for change in changes(repository, options.limit)
        for verdict in judge_change(change)
    ]
    print("| answer | n | saved | changed | refused |\n|---|---|---|---|---|")
    for kind in (FILE, FILE_TALK, RANGE, LOST):
        outcomes = Counter(
            verdict.outcome.partition(":")[0] for _, verdict in verdicts if verdict.kind == kind
        )
        cells = (outcomes.total(), *(outcomes[name] for name in ("saved", "changed", "refused")))
        print(f"| {kind} | {' | '.join(map(str, cells))} |")
    if options.list:
        lines = (
            f"{repository}\t{verdict.change.commit}\t{verdict.change.path}\t{verdict.kind}\t"
            f"{verdict.change.instruction}\t{verdict.outcome}\n"
            for repository, verdict in verdicts
            if (verdict.outcome == "saved") == (verdict.kind == LOST)
        )
        options.list.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
