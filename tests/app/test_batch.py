"""`--batch`: many holes in, as many answers out, in order."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from processes import terminal
from starcoder_cli.app.batch import BatchWorker
from starcoder_cli.app.in_order import in_order
from starcoder_cli.app.request import Request
from starcoder_cli.cli import main
from starcoder_cli.engines.echo import EchoModel
from starcoder_cli.files.batch import BatchLine, parse_batch
from starcoder_cli.infill import InfillOptions
from starcoder_cli.model import Question, Sampling, as_prompt
from starcoder_cli.stream import Chunk, Stream
from streams import run, standard_input

SOURCE = "def f():\n    pass\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with one file."""
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(SOURCE)


def holes(*fields: Mapping[str, object]) -> str:
    """A file of holes."""
    Path("holes").write_text("".join(json.dumps(each) + "\n" for each in fields))
    return "holes"


def records(text: str) -> list[dict[str, object]]:
    """The records of an output."""
    return [json.loads(line) for line in text.splitlines()]


def test_places_and_texts_are_answered_in_order(capfd: pytest.CaptureFixture[str]) -> None:
    name = holes(
        {"prefix": "x = ", "suffix": "\n", "id": "first", "filename": "x.py"},
        {"place": "a.py:2", "max_tokens": 7},
    )
    code, out, err = run(capfd, "fill", "--batch", name)
    assert (code, err) == (0, "")
    first, second = records(out)
    alone = json.loads(run(capfd, "fill", "a.py:2", "--json")[1])
    assert (first["line"], first["id"], second["line"]) == (1, "first", 2)
    assert "x = " in str(first["text"])
    assert second["text"] == alone["text"]
    assert second.keys() == {"line", "digest", "options", "source", *alone.keys()}


def test_a_completion_reads_up_to_its_place(capfd: pytest.CaptureFixture[str]) -> None:
    name = holes({"place": "a.py:1"}, {"prefix": "x"})
    first, second = records(run(capfd, "complete", "--batch", name)[1])
    assert first["text"] == json.loads(run(capfd, "complete", "a.py:1", "--json")[1])["text"]
    assert second["text"] == "x"


def test_holes_come_from_standard_input(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(b'{"prefix": "x"}\r\n'):
        code, out, err = run(capfd, "complete", "--batch")
    assert (code, [record["text"] for record in records(out)], err) == (0, ["x"], "")


def test_a_line_that_is_wrong_costs_no_other_its_answer(
    capfd: pytest.CaptureFixture[str],
) -> None:
    fields: list[dict[str, object]] = [
        {"place": "a.py:99"},
        {"place": "none.py:1"},
        {"place": "-"},
        {"nonsense": 1, "id": 7},
        {"prefix": "x", "lang": "nonsense"},
        {"prefix": "x", "max_tokens": 0},
        {"prefix": "x", "stop": ""},
        {"prefix": "x"},
    ]
    code, out, err = run(capfd, "fill", "--batch", holes(*fields))
    *wrong, right = records(out)
    assert (code, err) == (
        65,
        "error: no answer for 7 of 8 lines; its `error` says why\n",
    )
    assert [record["code"] for record in wrong] == [2, 66, 2, 65, 2, 2, 2]
    assert wrong[0]["error"] == "a.py has no line 99; its lines are 1 to 3"
    assert wrong[3]["id"] == 7
    assert "error" not in right


def test_what_had_no_answer_before_still_has_none(capfd: pytest.CaptureFixture[str]) -> None:
    words = ("fill", "--batch", holes({"nonsense": 1}, {"prefix": "x"}), "-o", "answers")
    error = "error: no answer for 1 of 2 lines; its `error` says why\n"
    assert run(capfd, *words) == (65, "", error)
    note = "note: answered before: 1 of 2 lines\n"
    assert run(capfd, *words) == (65, "", note + error)
    first, second = records(Path("answers").read_text())
    assert (first["line"], first["code"], second["line"]) == (1, 65, 2)
    holes({"prefix": "y"}, {"prefix": "x"})
    assert run(capfd, *words) == (0, "", note)
    texts = [str(each["text"]) for each in records(Path("answers").read_text())]
    assert ["y<" in texts[0], "x<" in texts[1], len(texts)] == [True, True, 2]


def test_a_marker_is_for_one_text(capfd: pytest.CaptureFixture[str]) -> None:
    error = "error: --batch and --at cannot be used together; give each gap its place\n"
    assert run(capfd, "fill", "--batch", holes({"prefix": ""}), "--at", "x") == (2, "", error)


def test_nothing_to_answer(capfd: pytest.CaptureFixture[str]) -> None:
    Path("empty").write_text("\n \n")
    assert run(capfd, "fill", "--batch", "empty") == (0, "", "")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--diff"], "--diff cannot be used together; its answers are JSON"),
        (["--echo"], "--echo cannot be used together; its answers are JSON"),
        (["--in-place"], "--in-place cannot be used together; its answers are JSON"),
        (["--show-prompt"], "--show-prompt cannot be used together; ask for one place alone"),
        (["--verify", "true"], "--verify cannot be used together; its answers are chosen by rank"),
        (["--pick"], "--pick cannot be used together; its answers are chosen by rank"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_has_no_meaning_for_many_holes(
    words: list[str], why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    error = f"error: --batch and {why}\n"
    assert run(capfd, "fill", "--batch", holes({"prefix": ""}), *words) == (2, "", error)


def test_files_are_read_along_with_each(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "fill", "--batch", holes({"prefix": "x"}), "-I", "a.py")
    (record,) = records(out)
    assert (code, err) == (0, "")
    assert record["context"] == [{"path": "a.py", "lines": [1, 2], "tokens": 30}]


def test_a_note_is_part_of_the_record(capfd: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("x = 1\n")
    code, out, err = run(capfd, "fill", "--batch", holes({"prefix": "x"}), "-I", ".env")
    (record,) = records(out)
    note = ".env looks as if it held a secret; the model reads it, as -I says"
    assert (code, err, record["notes"]) == (0, "", [note])


def test_a_terminal_shows_answers_and_no_bar_between_them() -> None:
    name = holes(*({"place": "a.py:2", "id": number} for number in range(3)))
    session = terminal("fill", "--batch", name, "-m", "echo", columns=1000)
    assert [json.loads(line)["id"] for line in session.lines] == [0, 1, 2]
    assert b"/min" not in session.raw


def test_an_empty_text_is_spoken_of(capfd: pytest.CaptureFixture[str]) -> None:
    """A model makes something up where it is given nothing to go on with."""
    code, out, err = run(capfd, "complete", "--batch", holes({"prefix": "\n"}))
    note = "standard input has no text: the answer is made up"
    assert (code, records(out)[0]["notes"], err) == (0, [note], "")
    with standard_input(b""):
        assert run(capfd, "complete", "--raw")[2].splitlines()[0] == f"note: {note}"


def test_a_run_goes_on_where_one_ended(capfd: pytest.CaptureFixture[str]) -> None:
    name = holes(*({"prefix": f"x{number}"} for number in range(4)))
    words = ("complete", "--batch", name, "-o", "answers")
    assert run(capfd, *words) == (0, "", "")
    whole = Path("answers").read_bytes()
    kept = whole.split(b"\n")[0] + b"\n"
    Path("answers").write_bytes(whole[: len(kept) + 30])
    assert run(capfd, *words) == (0, "", "note: answered before: 1 of 4 lines\n")
    again = records(Path("answers").read_text())
    assert [record["text"] for record in again] == ["x0", "x1", "x2", "x3"]
    assert Path("answers").read_bytes().startswith(kept)
    assert run(capfd, *words) == (0, "", "note: answered before: 4 of 4 lines\n")


def test_a_run_goes_on_only_with_the_same_question(capfd: pytest.CaptureFixture[str]) -> None:
    """Answers of another model, or about a file that had changed since, were kept."""
    Path("b.py").write_text("b = 1\n")
    words = ("fill", "--batch", holes({"place": "a.py:1"}), "-I", "b.py", "-o", "answers")
    assert run(capfd, *words) == (0, "", "")
    before = Path("answers").read_bytes()

    def refused(difference: str, *more: str) -> None:
        error = f"error: line 1 of answers {difference}; name another file with --output\n"
        assert run(capfd, *words, *more) == (65, "", error)
        assert Path("answers").read_bytes() == before

    refused("was answered with other options", "--max-tokens", "7")
    refused("is an answer of echo, not of starcoder2-3b", "-m", "starcoder2-3b")
    for name in ("a.py", "b.py"):
        text = Path(name).read_text()
        Path(name).write_text(text + "# new\n")
        refused("is about other text than its files have now")
        Path(name).write_text(text)
    Path("answers").write_bytes(before.replace(b'"text": "', b'"text": "!', 1))
    before = Path("answers").read_bytes()
    refused("was altered after it was written")


def test_a_killed_run_has_lost_nothing() -> None:
    """Killed again and again, the lines are those of a run that was left alone."""
    name = holes(*({"prefix": f"x{number}\n" * 50} for number in range(300)))
    words = [sys.executable, "-m", "starcoder_cli", "complete", "-m", "echo", "--batch", name]
    words += ["-o", "answers"]
    sizes, codes = [], []
    for _ in range(3):
        before = os.path.getsize("answers") if Path("answers").exists() else 0  # noqa: PTH202
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                if Path("answers").exists() and Path("answers").stat().st_size > before + 20_000:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.001)
        sizes.append(Path("answers").stat().st_size)
        codes.append(process.returncode)
    assert subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0
    found = records(Path("answers").read_text())
    assert codes == [-signal.SIGKILL] * 3
    assert sizes == sorted(sizes)
    assert [record["line"] for record in found] == list(range(1, 301))
    assert all(record["text"] == f"x{at}\n" * 50 for at, record in enumerate(found))


class Slow(EchoModel):
    """Answers with the prompt, the earlier ones more slowly; counts what is under way."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = self.begun = 0

    def stream(self, question: Question, sampling: Sampling) -> Stream:
        with self.lock:
            self.now += 1
            self.begun += 1
            self.most = max(self.most, self.now)
        try:
            for _ in range(10):
                time.sleep(0.001 * (self.begun % 3 + 1))
                yield Chunk("")
            yield Chunk("".join(as_prompt(question).pieces), reason="stop")
        finally:
            with self.lock:
                self.now -= 1


def rows(count: int) -> list[BatchLine]:
    """So many holes."""
    return parse_batch(b"".join(b'{"prefix": "%d"}\n' % number for number in range(count)))


def answers(model: Slow, count: int, slots: int) -> Generator[object]:
    """The answers to so many holes."""
    request = Request("echo", Sampling(), InfillOptions(raw=True))
    worker = BatchWorker(model, request)
    with closing(in_order(worker.answer, rows(count), slots, worker.closed)) as told:
        for record in told:
            yield record["text"]


@pytest.mark.parametrize("slots", [1, 3])
def test_several_answers_are_made_at_a_time(slots: int) -> None:
    model = Slow()
    assert list(answers(model, 20, slots)) == [str(number) for number in range(20)]
    assert (model.most, model.now) == (slots, 0)


def test_leaving_stops_every_answer() -> None:
    model = Slow()
    told = answers(model, 1000, 3)
    assert next(told) == "0"
    told.close()
    begun = model.begun
    for _ in range(1000):
        if not model.now:
            break
        time.sleep(0.01)
    assert (model.now, model.begun - begun <= 3) == (0, True)
    assert model.begun < 100


def test_what_is_not_about_a_line_ends_the_run() -> None:
    """So that it can go on later, with a model that works."""

    class Broken(Slow):
        def stream(self, question: Question, sampling: Sampling) -> Stream:
            raise OSError("gone")
            yield

    with pytest.raises(OSError, match="gone"):
        list(answers(Broken(), 5, 2))


@pytest.mark.model
@pytest.mark.usefixtures("real_model")
def test_the_default_model_answers_several_at_a_time(capfd: pytest.CaptureFixture[str]) -> None:
    names = {"add": "+", "subtract": "-", "multiply": "*"}
    name = holes(
        *(
            {
                "id": sign,
                "prefix": f'def {word}(a, b):\n    """Return a {sign} b."""\n    return ',
                "suffix": f"\n\n\nprint({word}(1, 2))\n",
                "lang": "python",
            }
            for word, sign in names.items()
        )
    )
    assert main(["fill", "--batch", name, "--offline", "--max-tokens", "16"]) == 0
    found = records(capfd.readouterr().out)
    assert [(record["id"], record["text"]) for record in found] == [
        (sign, f"a {sign} b") for sign in names.values()
    ]
