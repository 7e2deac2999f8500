"""`-n`, `--verify` and `--pick`: several answers are asked for, and one of them is given."""

import json
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path

import pytest

from processes import terminal
from starcoder_cli import languages
from starcoder_cli.app.answer_record import Answer
from starcoder_cli.app.candidates import CandidateChooser
from starcoder_cli.app.deliver import OutputOptions
from starcoder_cli.app.request import CandidateOptions, Request
from starcoder_cli.catalog import find_model
from starcoder_cli.cli import main
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import Source, Span
from starcoder_cli.model import Sampling
from starcoder_cli.stream import Chunk, Completion, Stream
from streams import run, standard_input
from tiny import build

TEXT = "def add(a, b):\n    return \n\n\nprint(add(1, 2))\n"
HOLE = Span(26, 26)
UNUSED = ["parameter 'a' is never used", "parameter 'b' is never used"]
SEEDED = Sampling(seed=7)
PLAIN = OutputOptions()


@pytest.fixture(autouse=True)
def add_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`add.py` in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "add.py"
    path.write_text(TEXT)
    return path


def selection(
    options: CandidateOptions, output: OutputOptions = PLAIN, lang: str = "python"
) -> CandidateChooser:
    """The choice of what `add.py` returns."""
    return CandidateChooser(
        options, Source("add.py", TEXT), HOLE, languages.find_language(lang), output
    )


def answers(*texts: tuple[str, float]) -> Callable[[Sampling], Stream]:
    """A model that gives these answers again and again, each two tokens of this log-probability."""
    waiting = cycle(texts)

    def stream(sampling: Sampling) -> Stream:
        assert sampling.logprobs
        text, logprob = next(waiting)
        yield Chunk(text[:1], 1, None, 9, logprob)
        yield Chunk(text[1:], 1, "stop", 9, logprob)

    return stream


def test_the_best_is_likely_and_parses() -> None:
    choice = selection(CandidateOptions(4))
    choice.generate(
        answers(("a +", -0.1), ("a - b", -0.5), ("a + b", -0.2), ("a + b\n", -0.1)), SEEDED
    )
    assert choice.choose().text == "a + b"
    assert choice.passed
    assert record_of(choice)["seed"] == 8
    assert told_of(choice) == [
        told("a + b", -0.2, 8, True) | {"drawn": 4},
        told("a - b", -0.5, 7, True) | {"drawn": 2},
        told("a +", -0.1, None, False) | {"drawn": 2},
    ]


def told(text: str, logprob: float, seed: int | None, parses: bool | None) -> dict[str, object]:
    """A candidate in JSON, the greedy one where it has no seed."""
    return {
        "text": text,
        "logprob": logprob,
        "drawn": 1,
        "reason": "stop",
        "temperature": 0.0 if seed is None else 0.6,
        "seed": seed,
        "parses": parses,
        "flaws": [],
        "check": None,
        "verified": None,
    }


def test_without_a_grammar_the_likeliest_is_the_best() -> None:
    choice = selection(CandidateOptions(3), lang="text")
    choice.generate(answers(("a +", -0.2), ("a - b", -0.5), ("(((", -0.1)), SEEDED)
    assert choice.choose().text == "((("
    assert told_of(choice) == [
        told("(((", -0.1, 8, None),
        told("a +", -0.2, None, None),
        told("a - b", -0.5, 7, None),
    ]


def test_what_names_nothing_that_is_there_is_drawn_again() -> None:
    """Up to twice as many answers as are wanted, of which so many are kept."""
    choice = selection(CandidateOptions(2))
    choice.generate(answers(("total", -0.1), ("a + b", -0.9), ("a", -0.2), ("b", -0.3)), SEEDED)
    assert [each["text"] for each in told_of(choice)] == ["a + b", "a"]
    choice = selection(CandidateOptions(2))
    choice.generate(answers(("total", -0.1), ("a + b", -0.9)), SEEDED)
    assert [(each["text"], each["flaws"], each["drawn"]) for each in told_of(choice)] == [
        ("a + b", [], 2),
        ("total", ["undefined name 'total'", *UNUSED], 2),
    ]


def test_a_flaw_that_a_file_has_anyway_is_not_held_against_an_answer() -> None:
    text = TEXT + "print(total)\n"
    choice = CandidateChooser(
        CandidateOptions(1), Source("a.py", text), HOLE, languages.find_language("python"), PLAIN
    )
    choice.generate(answers(("b", -0.1), ("a + b", -0.1)), SEEDED)
    assert [(each["text"], each["flaws"]) for each in told_of(choice)] == [
        ("b", ["undefined name 'total'", UNUSED[0]])
    ]


def record_of(choice: CandidateChooser) -> Mapping[str, object]:
    """The chosen answer in JSON."""
    answer = Answer.of(Completion("", "stop"), find_model("echo"), "echo", Request("echo", SEEDED))
    return choice.with_candidates(answer).record()


def told_of(choice: CandidateChooser) -> list[dict[str, object]]:
    """The candidates in JSON."""
    candidates = record_of(choice)["candidates"]
    assert isinstance(candidates, list)
    return candidates


def test_a_command_has_the_last_word(add_py: Path) -> None:
    choice = selection(CandidateOptions(3, "grep -q 'return b' add.py"))
    choice.generate(answers(("a + b", -0.1), ("b + a", -0.5), ("b", -0.6)), SEEDED)
    assert choice.choose().text == "b + a"
    assert choice.passed
    assert [(each["text"], each["verified"]) for each in told_of(choice)] == [
        ("b + a", True),
        ("a + b", False),
        ("b", None),
    ]
    assert add_py.read_text() == TEXT


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        (OutputOptions(), "-v shows what it says"),
        (OutputOptions(verbose=True), "ask for more with -n"),
    ],
)
def test_where_none_passes_there_is_no_answer(output: OutputOptions, hint: str) -> None:
    choice = selection(CandidateOptions(2, "false"), output)
    choice.generate(answers(("a + b", -0.1), ("b + a", -0.5)), SEEDED)
    assert choice.choose().text == "a + b"
    assert not choice.passed
    assert str(choice.failure()) == f"no candidate passes `false`; {hint}"
    assert choice.failure().exit_code == 1


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        ((None, None, False, None), CandidateOptions()),
        ((3, None, False, None), CandidateOptions(3)),
        ((None, "true", False, 9.0), CandidateOptions(5, "true", seconds=9.0)),
        ((1, "true", False, None), CandidateOptions(1, "true")),
        ((None, None, True, None), CandidateOptions(5, pick=True)),
        ((16, None, True, None), CandidateOptions(16, pick=True)),
    ],
)
def test_what_the_flags_ask_for(
    flags: tuple[int | None, str | None, bool, float | None], options: CandidateOptions
) -> None:
    assert CandidateOptions.of(*flags) == options
    assert options.needs_selection is (flags != (None, None, False, None))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-n", "0"), "candidates cannot be 0; give a number from 1 to 16"),
        (("-n", "17"), "candidates cannot be 17; give a number from 1 to 16"),
        (
            ("--pick", "-n", "1"),
            "--pick needs at least two candidates; ask for more with --candidates",
        ),
        (
            ("--pick", "--verify", "true"),
            "--verify and --pick both choose the answer; omit one of them",
        ),
        (
            ("--pick",),
            "--pick needs a terminal to ask at; omit it to take the best one",
        ),
        (
            ("--verify", ""),
            "the command to verify with is empty; name one, such as 'pytest -q'",
        ),
        (
            ("--verify", "no-such-program"),
            "there is no command 'no-such-program'; verify with one that runs, such as 'pytest -q'",
        ),
    ],
)
def test_what_cannot_be_asked_for(
    words: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for command, place in (("fill", "add.py:2"), ("complete", "add.py:2")):
        assert run(capfd, command, place, *words) == (2, "", f"error: {message}\n")


def test_standard_input_cannot_be_verified(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(b"a\n"):
        assert run(capfd, "complete", "--verify", "true") == (
            2,
            "",
            "error: --verify needs a file to write answers to; name it in place of -\n",
        )


PROMPT = "<fim_prefix>def add(a, b):\n    return <fim_suffix>\n\n\nprint(add(1, 2))\n<fim_middle>"


@pytest.mark.parametrize("words", [("-n", "3"), ("--verify", "grep -q fim_prefix add.py")])
def test_the_answer_is_printed_as_one_is(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    before, after = TEXT[:26], TEXT[26:]
    note = "note: every answer leaves syntax errors in the file\n"
    err = "" if "--verify" in words else note
    assert run(capfd, "fill", "add.py:2:12", *words) == (0, PROMPT, err)
    assert run(capfd, "fill", "add.py:2:12", "--echo", *words) == (
        0,
        f"{before}{PROMPT}{after}",
        err,
    )
    assert run(capfd, "fill", "add.py:2:12", "--show-prompt", *words) == (0, PROMPT, "")


def test_where_none_passes_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "fill", "add.py:2:12", "--verify", "false") == (
        1,
        "",
        "error: no candidate passes `false`; -v shows what it says\n",
    )


def test_what_the_command_says_is_shown_to_who_asks(capfd: pytest.CaptureFixture[str]) -> None:
    words = ("-v", "-n", "1", "--verify", "sh -c \"printf '\\033[31mno'; exit 4\"")
    code, out, err = run(capfd, "fill", "add.py:2:12", *words)
    assert (code, out) == (1, "")
    assert err.startswith("| ␛[31mno\nexit code 4\nerror: no candidate passes `sh -c ")


def test_json_tells_of_every_candidate_also_where_none_passes(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, out, err = run(capfd, "fill", "add.py:2:12", "--json", "--verify", "false")
    record = json.loads(out)
    assert (code, record["text"], err.count("\n")) == (1, PROMPT, 1)
    assert record["candidates"] == [
        {
            "text": PROMPT,
            "logprob": None,
            "drawn": 10,
            "reason": "stop",
            "temperature": 0.0,
            "seed": None,
            "parses": False,
            "flaws": [],
            "check": None,
            "verified": False,
        }
    ]


def test_a_terminal_shows_how_far_it_is_and_then_the_answer_alone() -> None:
    words = ("complete", "add.py:1", "-m", "echo", "--max-tokens", "1", "-v", "-n", "2")
    session = terminal(*words, "--verify", "sh -c ': < add.py; echo said'")
    assert session.lines == ("| said", "exit code 0", "<fim_prefix>")
    assert "0 of 2 candidates are made …".encode() in session.raw
    assert "verifying candidate 1 of 1 …".encode() in session.raw


def test_one_answer_has_no_candidates(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "fill", "add.py:2:12", "--json", "-n", "1")
    assert (code, "candidates" in json.loads(out), err) == (0, False, "")


def test_a_candidate_can_be_drawn_again_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The model's weights are random: its answers are nonsense, and differ."""
    folder = str(build(tmp_path / "tiny"))
    words = ["fill", "add.py:2:12", "-m", folder, "--device", "cpu", "--max-tokens", "8", "--json"]
    assert main([*words, "-n", "3", "--seed", "7", "--temperature", "1.5"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert [record["text"], record["seed"]] == [
        record["candidates"][0]["text"],
        record["candidates"][0]["seed"],
    ]
    assert len({each["seed"] for each in record["candidates"]} & set(range(7, 13))) == 3
    for each in record["candidates"]:
        assert each["logprob"] < 0
        assert main([*words, "--seed", str(each["seed"]), "--temperature", "1.5"]) == 0
        alone = json.loads(capfd.readouterr().out)
        assert (alone["text"], alone["seed"]) == (each["text"], each["seed"])


def test_what_passes_the_examples_near_the_hole_is_preferred(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = TEXT.replace("print(add(1, 2))", "def test_add():\n    assert add(1, 2) == 3")
    (tmp_path / "add.py").write_text(text)
    options, language = CandidateOptions(3, check=True), languages.find_language("python")
    choice = CandidateChooser(options, Source("add.py", text), HOLE, language, PLAIN)
    choice.generate(answers(("a - b", -0.1), ("a * b", -0.2), ("a + b", -0.9)), SEEDED)
    assert choice.choose().text == "a + b"
    checks = [json.dumps(each["check"]) for each in told_of(choice)]
    assert ['"failed": 0' in check for check in checks] == [True, False, False]
    assert capsys.readouterr().err == ""


def test_it_is_said_where_no_answer_passes_or_none_can_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = TEXT.replace("print(add(1, 2))", "# add(1, 2) == 3")
    language = languages.find_language("python")
    for whole, note in (
        (text, "the best answer fails 1 of 1 checks"),
        (f"import nowhere_{text[1:]}", "nothing was run: it is in no function"),
        (text + "import nowhere\n", "nothing was run: the file cannot be run here: ModuleNotFound"),
    ):
        (tmp_path / "add.py").write_text(whole)
        options = CandidateOptions(2, check=True)
        choice = CandidateChooser(options, Source("add.py", whole), HOLE, language, PLAIN)
        choice.generate(answers(("a - b", -0.1), ("a * b", -0.2)), SEEDED)
        assert choice.choose().text == "a - b"
        assert note in capsys.readouterr().err


def test_what_is_not_run_is_known_before_the_model_is_asked() -> None:
    with pytest.raises(UsageError, match="--check does not run go"):
        selection(CandidateOptions(2, check=True), lang="go")
