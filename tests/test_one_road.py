"""One hole, asked in every way there is: the same prompt, the same text, the same notes.

The model that writes its prompt back shows what each way asks; a real one, whose weights are
random, what each makes of an answer.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import starcoder_cli
from apis import Server, serving
from starcoder_cli.cli import main
from streams import standard_input

FILENAME = "mean.py"


@dataclass(frozen=True)
class Asked:
    """What a way of asking gives: the text of the answer, tokens read and written, the notes."""

    text: str
    read: int
    written: int
    notes: tuple[str, ...] = ()


def command(
    capfd: pytest.CaptureFixture[str], model: str, hole: tuple[str, str], most: int
) -> Asked:
    """`fill` with the text on standard input."""
    prefix, suffix = hole
    words = ["fill", "-", "--at", "<HOLE>", "--filename", FILENAME, "--no-context", "--json"]
    with standard_input(f"{prefix}<HOLE>{suffix}".encode()):
        assert main([*words, "-m", model, "--max-tokens", str(most), "--no-server"]) == 0
    captured = capfd.readouterr()
    record = json.loads(captured.out)
    lines = captured.err.splitlines()
    notes = tuple(line.removeprefix("note: ") for line in lines if line.startswith("note: "))
    return Asked(record["text"], *counts(record), notes)


def batch(
    capfd: pytest.CaptureFixture[str], model: str, hole: tuple[str, str], most: int, path: Path
) -> Asked:
    """`fill --batch` with the text around the hole."""
    prefix, suffix = hole
    path.write_text(json.dumps({"prefix": prefix, "suffix": suffix, "filename": FILENAME}) + "\n")
    words = ["fill", "--batch", str(path), "-m", model, "--max-tokens", str(most)]
    assert main([*words, "--no-server", "--no-context"]) == 0
    record = json.loads(capfd.readouterr().out)
    return Asked(record["text"], *counts(record), tuple(record.get("notes", ())))


def completions(server: Server, hole: tuple[str, str], most: int) -> Asked:
    """OpenAI's completions with a suffix."""
    body = {"prompt": hole[0], "suffix": hole[1], "max_tokens": most, "filename": FILENAME}
    answer = server.post("/v1/completions", **body).json
    usage = answer["usage"]
    text, notes = answer["choices"][0]["text"], tuple(answer.get("warnings", ()))
    return Asked(text, usage["prompt_tokens"], usage["completion_tokens"], notes)


def infill(server: Server, hole: tuple[str, str], most: int) -> Asked:
    """llama.cpp's infill."""
    body = {
        "input_prefix": hole[0],
        "input_suffix": hole[1],
        "n_predict": most,
        "filename": FILENAME,
    }
    answer = server.post("/infill", **body).json
    numbers = answer["tokens_evaluated"], answer["tokens_predicted"]
    return Asked(answer["content"], *numbers, tuple(answer.get("warnings", ())))


def evaluation(
    capfd: pytest.CaptureFixture[str], model: str, hole: tuple[str, str], most: int, folder: Path
) -> Asked:
    """`eval santacoder-fim` on a data set of this one hole, whose rows have no file's name."""
    prefix, suffix = hole
    row = {
        "name": "mean",
        "language": "py",
        "prompt": prefix.removesuffix("\n"),
        "suffix": suffix.removeprefix("\n"),
        "canonical_solution": "",
    }
    data = folder / "data.jsonl"
    data.write_text(json.dumps(row) + "\n")
    shutil.rmtree(folder / "run", ignore_errors=True)
    words = ["eval", "santacoder-fim", "--data", str(data), "--out", str(folder / "run")]
    assert main([*words, "-m", model, "--max-tokens", str(most)]) == 0
    capfd.readouterr()
    record = json.loads((folder / "run" / "python.answers.jsonl").read_text())
    return Asked(record["text"], *counts(record), tuple(record.get("notes", ())))


def counts(record: dict[str, dict[str, int]]) -> tuple[int, int]:
    """The tokens of a prompt and of the answer."""
    return record["tokens"]["prompt"], record["tokens"]["completion"]


def library(model: str, hole: tuple[str, str], most: int) -> Asked:
    """The Python API."""
    with starcoder_cli.load(model) as opened:
        answer = opened.fill(*hole, max_tokens=most, filename=FILENAME)
    tokens = answer.tokens
    return Asked(answer.text, tokens.prompt, tokens.completion, answer.notes)


@pytest.fixture(scope="module")
def echo_server() -> Iterator[Server]:
    """A server whose answers are their prompts."""
    with serving("echo") as server:
        yield server


LINES = "".join(f"value_{number} = {number}\n" for number in range(60_000))


@pytest.mark.parametrize(
    ("hole", "left_out"),
    [
        (("def mean(values):\n", "\n\nprint(mean([1, 2]))\n"), False),
        (("def mean(values):\n", "\n" + LINES), True),
        ((LINES, "\n\nprint(value_1)\n"), True),
    ],
    ids=["short", "long suffix", "long prefix"],
)
def test_every_way_asks_the_same(
    hole: tuple[str, str],
    left_out: bool,
    echo_server: Server,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Behind the metadata, which only who names a file gives, the prompt is the same text."""
    first = command(capfd, "echo", hole, 64)
    others = [
        batch(capfd, "echo", hole, 64, tmp_path / "holes.jsonl"),
        completions(echo_server, hole, 64),
        infill(echo_server, hole, 64),
        evaluation(capfd, "echo", hole, 64, tmp_path),
        library("echo", hole, 64),
    ]
    assert others == [first] * len(others)
    assert bool(first.notes) == left_out
    assert all("left out" in note for note in first.notes)


def test_every_way_makes_the_same_of_an_answer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only whoever is shown it is told of characters that nobody sees."""
    from tiny import build

    hole, model = ("def mean(values):\n", "\n\nprint(mean([1, 2]))\n"), build(tmp_path)
    with serving(model) as server:
        served = [completions(server, hole, 12), infill(server, hole, 12)]
    first = command(capfd, str(model), hole, 12)
    others = [
        batch(capfd, str(model), hole, 12, tmp_path / "holes.jsonl"),
        *served,
        evaluation(capfd, str(model), hole, 12, tmp_path),
        library(str(model), hole, 12),
    ]
    assert first.written > 0
    assert others == [replace(first, notes=())] * len(others)
