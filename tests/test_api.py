"""The Python API: the same code as the commands', and each example of its page."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import starcoder_cli
from starcoder_cli.errors import UsageError
from starcoder_cli.model import Conversation, Hole
from starcoder_cli.stream import collect
from streams import run

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PREFIX, SUFFIX = "def mean(values):\n    return ", "\n\nprint(mean([1]))\n"


def timeless(record: Mapping[str, object]) -> Mapping[str, object]:
    """A record without what a clock says."""
    return {name: value for name, value in record.items() if name != "seconds"}


def test_importing_it_loads_nothing_heavy() -> None:
    script = "import sys, starcoder_cli; starcoder_cli.load; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {"torch", "transformers", "numpy", "rich", "typer", "openvino"} & set(
        done.stdout.split()
    )
    with pytest.raises(AttributeError, match="no attribute 'unload'"):
        starcoder_cli.unload  # noqa: B018


def test_an_answer_is_what_the_command_says(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mean.py"
    path.write_text(PREFIX + "<HOLE>" + SUFFIX)
    words = ("fill", str(path), "--at", "<HOLE>", "--json", "--filename", "mean.py")
    code, out, _ = run(capfd, *words)
    with starcoder_cli.load("echo") as model:
        answer = model.fill(PREFIX, SUFFIX, filename="mean.py")
    assert code == 0
    assert timeless(answer.record()) == timeless(json.loads(out))
    assert (answer.model, answer.engine, answer.reason) == ("echo", "echo", "stop")


def test_every_way_to_ask() -> None:
    with starcoder_cli.load("echo") as model:
        assert model.complete("a = ").text == "a = "
        assert model.fill("a", "b").text == "<fim_prefix>a<fim_suffix>b<fim_middle>"
        assert "Code:" in model.edit("a = 1\n", "twice").text
        talk = Conversation("Briefly.").with_question("a?").with_answer("b").with_question("c?")
        asked = model.chat(talk).text
        assert asked == collect(model.stream_chat(talk)).text
        assert all(text in asked for text in ("Briefly.", "a?", "b", "c?"))
        assert collect(model.stream_fill("a", "b")).text == model.fill("a", "b").text
        assert collect(model.stream_complete("a")).text == model.complete("a").text
        assert collect(model.stream_edit("a\n", "b")).text == model.edit("a\n", "b").text
        assert (model.count("abc"), model.engine, model.spec.name) == (3, "echo", "echo")


def test_options_are_the_flags(tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text("RATE = 3\n")
    with starcoder_cli.load("echo") as model:
        along = model.fill("a = ", "\n", filename="a.py", include=(str(other),))
        assert "# RATE = 3" in along.text
        assert along.context is not None
        assert [entry["path"] for entry in along.context] == ["other.py"]
        assert model.fill("a", "b", max_tokens=2).reason == "length"
        assert model.fill("a", "b", order="spm").text != model.fill("a", "b").text
        drawn = model.complete("a", candidates=2, temperature=1.0)
        assert drawn.candidates
        assert isinstance(drawn.seed, int)
        with pytest.raises(UsageError, match="temperature cannot be 9"):
            model.complete("a", temperature=9)


def test_what_is_left_out_is_noted() -> None:
    with starcoder_cli.load("echo") as model:
        answer = model.fill("x = 1\n" * 200_000, "b")
        assert "left out" in answer.notes[0]


def test_many_holes() -> None:
    holes = [Hole(f"{number} = ", "\n") for number in range(40)]
    with starcoder_cli.load("echo", slots=4) as model:
        answers = [answer.text for answer in model.batch(holes)]
        assert answers == [model.fill(hole.prefix, hole.suffix).text for hole in holes]
        some = model.batch(holes)
        next(some)
        some.close()


def test_what_cannot_be_opened() -> None:
    with pytest.raises(UsageError), starcoder_cli.load("no-such-model"):
        pass


@pytest.mark.model
@pytest.mark.parametrize("code", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_page(
    code: str, real_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    exec(compile(code, "docs/python.md", "exec"), {"__name__": "example"})
    out, err = capfd.readouterr()
    assert out.strip()
    assert err == ""


@pytest.mark.model
def test_the_example_script(real_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "holes.py"
    path.write_text("def add(a: int, b: int) -> int:\n    ...\n")
    words = [sys.executable, str(ROOT / "examples" / "fill_holes.py"), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "..." not in done.stdout
    compile(done.stdout, "holes.py", "exec")
