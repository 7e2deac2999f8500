"""`starcoder complete`: what a model reads for each place, and what each option does.

The model here writes its prompt back, so that the answer is what the model was given.
"""

import json
from pathlib import Path

import pytest

from starcoder_cli.cli import main
from streams import run, run_binary, standard_input

TEXT = "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n"


@pytest.fixture(autouse=True)
def add_py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`add.py` in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "add.py"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("place", "prompt"),
    [
        ("add.py", TEXT),
        (
            "add.py:1",
            "<fim_prefix>def add(a, b):<fim_suffix>\n    return a + b\n\n\nprint(add(1, 2))\n"
            "<fim_middle>",
        ),
        (
            "add.py:2:12",
            "<fim_prefix>def add(a, b):\n    return <fim_suffix>a + b\n\n\nprint(add(1, 2))\n"
            "<fim_middle>",
        ),
        (
            "add.py:2:1",
            "<fim_prefix>def add(a, b):\n<fim_suffix>    return a + b\n\n\nprint(add(1, 2))\n"
            "<fim_middle>",
        ),
        ("add.py:1:1", f"<fim_prefix><fim_suffix>{TEXT}<fim_middle>"),
        ("add.py:5", TEXT.removesuffix("\n")),
        ("add.py:6", TEXT),
    ],
)
def test_a_place_tells_what_the_model_reads(
    place: str, prompt: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(capfd, "complete", place) == (0, prompt, "")
    assert run(capfd, "complete", place, "--show-prompt") == (0, prompt, "")


def test_the_suffix_can_come_first(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "complete", "add.py:2:12", "--order", "spm") == (
        0,
        "<fim_prefix><fim_suffix>a + b\n\n\nprint(add(1, 2))\n<fim_middle>def add(a, b):\n"
        "    return ",
        "",
    )


@pytest.mark.parametrize("words", [(), ("-",)])
def test_standard_input_is_read_by_itself_or_when_asked_for(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    with standard_input(b"x = 1\ny ="):
        assert run(capfd, "complete", *words) == (0, "x = 1\ny =", "")


def test_a_place_in_standard_input(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(b"x = 1\ny ="):
        assert run(capfd, "complete", "--", "-:1") == (
            0,
            "<fim_prefix>x =<fim_suffix>\ny =<fim_middle> 1",
            "",
        )


def test_a_file_whose_name_looks_like_a_place_is_that_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "add.py:1").write_text("other")
    assert run(capfd, "complete", "add.py:1") == (0, "other", "")


def test_a_file_whose_name_looks_like_an_option(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "--help").write_text("helpful")
    assert run(capfd, "complete", "./--help") == (0, "helpful", "")
    assert run(capfd, "complete", "--", "--help") == (0, "helpful", "")


def test_echo_prints_the_text_around_the_answer(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "complete", "add.py:2:12", "--echo", "--max-tokens", "1") == (
        0,
        "def add(a, b):\n    return <fim_prefix>a + b\n\n\nprint(add(1, 2))\n",
        "",
    )


def test_echo_keeps_every_byte_of_the_file(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The byte order mark is neither sent nor moved; the answer gets the file's own line ends."""
    (tmp_path / "old.txt").write_bytes(b"\xef\xbb\xbfa\t= 1\r\nb = \xff\xfe\r\nc\nlast")
    answer = "<fim_prefix>a\t=<fim_suffix>\r\nb = \ufffd\r\nc\r\nlast<fim_middle> 1".encode()
    assert run_binary(capfdbinary, "complete", "old.txt:1") == (0, answer, b"")
    assert run_binary(capfdbinary, "complete", "old.txt:1", "--echo") == (
        0,
        b"\xef\xbb\xbfa\t= 1" + answer + b"\r\nb = \xff\xfe\r\nc\nlast",
        b"",
    )


def test_control_tokens_in_a_file_come_out_as_its_text(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokens.txt").write_text("<|endoftext|><fim_middle>[red]values[index] :smile: [/b]")
    assert run(capfd, "complete", "tokens.txt") == (
        0,
        "<|endoftext|><fim_middle>[red]values[index] :smile: [/b]",
        "",
    )


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (("--stop", "return"), "<fim_prefix>f():\n    "),
        (("--stop", "):", "--stop", "()"), "<fim_prefix>f"),
        (
            ("--stop", "not there"),
            "<fim_prefix>f():\n    return<fim_suffix>\n)<fim_middle> x",
        ),
        (("--max-tokens", "1"), "<fim_prefix>"),
        (("--max-tokens", "2", "--stop", "):"), "<fim_prefix>f("),
    ],
)
def test_options_that_end_an_answer(
    options: tuple[str, ...], answer: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short.py").write_text("f():\n    return x\n)")
    assert run(capfd, "complete", "short.py:2", *options) == (0, answer, "")


def described(line: str) -> dict[str, object]:
    """The object of a line of JSON, after a look at what differs from run to run."""
    assert line.endswith("}\n") and line.count("\n") == 1
    record: dict[str, object] = json.loads(line)
    seconds = record.pop("seconds")
    assert isinstance(seconds, dict)
    assert list(seconds) == ["load", "first_token", "total"]
    assert all(isinstance(value, float) and value >= 0 for value in seconds.values())
    assert seconds["total"] >= seconds["load"]
    return record


def test_json_is_one_object_on_one_line_of_ascii(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "é.txt").write_text("naïve \x1b[31m\u202e\n")
    code, out, err = run(capfd, "complete", "é.txt:1", "--json")
    assert (code, err, out.isascii()) == (0, "", True)
    assert described(out) == {
        "text": "naïve \x1b[31m\u202e",
        "reason": "stop",
        "trimmed": [],
        "tokens": {"prompt": 1, "cached": None, "completion": 1},
        "model": "echo",
        "engine": "echo",
        "seed": None,
        "context": [],
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--max-tokens", "2"), {"text": "<fim_prefix>def add(a, b):", "reason": "length"}),
        (("--stop", "add"), {"text": "<fim_prefix>def ", "reason": "stop"}),
        (("--seed", "7"), {"seed": 7}),
        (("--temperature", "0.5", "--seed", "7"), {"seed": 7}),
        (("--temperature", "0"), {"seed": None}),
        (("--echo", "--max-tokens", "1"), {"text": "<fim_prefix>"}),
    ],
)
def test_json_tells_what_happened(
    options: tuple[str, ...], expected: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capfd, "complete", "add.py:1", "--json", *options)
    assert (code, err) == (0, "")
    record = described(out)
    assert {name: record[name] for name in expected} == expected


def test_chance_is_told_by_its_seed(capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capfd, "complete", "add.py", "--json", "--temperature", "0.5")
    _, other, _ = run(capfd, "complete", "add.py", "--json", "--temperature", "0.5")
    seeds = [described(line)["seed"] for line in (out, other)]
    assert all(isinstance(seed, int) for seed in seeds)
    assert seeds[0] != seeds[1]


NO_TEXT = "note: standard input has no text: the answer is made up\n"


def test_an_empty_answer_is_told_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_input(b""):
        notes = f"{NO_TEXT}note: echo returned an empty completion\n"
        assert run(capfd, "complete") == (0, "", notes)
    with standard_input(b""):
        assert run(capfd, "complete", "-q") == (0, "", "")


def test_a_text_that_is_too_long_loses_its_beginning(capfd: pytest.CaptureFixture[str]) -> None:
    lines = b"1234567\n" * (1 << 17)
    kept = ((1 << 20) - 256 - 32) // 8
    with standard_input(lines):
        code, out, err = run(capfd, "complete")
    assert (code, out == lines.decode()[: kept * 8]) == (0, True)
    assert err == (
        "note: the text is longer than the 1048288 tokens that the model can read: "
        f"left out {(1 << 17) - kept} lines at the beginning\n"
    )
    with standard_input(lines):
        assert run(capfd, "complete", "--strict-context") == (
            65,
            "",
            "error: the text is longer than the 1048288 tokens that the model can read; "
            "shorten it, or omit --strict-context\n",
        )


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b"\t" * 300_000, b"\n" * 300_000, b"x" * 1_000_000, b"a" * 26_000],
    ids=["brackets", "tabs", "newlines", "one line", "letters"],
)
def test_monotonous_text_is_text(text: bytes, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with standard_input(text):
        note = b"" if text.strip() else NO_TEXT.encode()
        assert run_binary(capfdbinary, "complete") == (0, text, note)


def test_color_is_for_whoever_asks_and_needs_a_language(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--lang` and `--filename` say what a text is that has no name."""
    colored = "\x1b[94mdef\x1b[0m\x1b[90m \x1b[0m\x1b[92mf\x1b[0m():\n"
    for words in (("--lang", "python"), ("--lang", "py"), ("--filename", "x.py")):
        with standard_input(b"def f():"):
            assert run(capfd, "complete", "--color", "always", *words) == (0, colored, "")
    with standard_input(b"def f():"):
        assert run(capfd, "complete", "--color", "always") == (0, "def f():\n", "")
    with standard_input(b"#!/usr/bin/env python3\ndef f():"):
        _, out, _ = run(capfd, "complete", "--color", "always")
        assert out.endswith(colored)


PROMISE = "# Here is the correct implementation of the code exercise\n"


def test_a_prompted_completion_begins_like_the_file_of_a_solution(
    capfd: pytest.CaptureFixture[str],
) -> None:
    opening = f"<filename>solutions/solution_1.py\n{PROMISE}"
    words = ("--prompted", "--show-prompt")
    assert run(capfd, "complete", "add.py", *words) == (0, opening + TEXT, "")
    assert run(capfd, "complete", "add.py:2:12", *words) == (
        0,
        f"<fim_prefix>{opening}def add(a, b):\n    return <fim_suffix>a + b\n\n\n"
        "print(add(1, 2))\n<fim_middle>",
        "",
    )
    assert run(capfd, "complete", "add.py", "--prompted", "--lang", "json", "--show-prompt") == (
        0,
        f"<filename>solutions/solution_1.json\n{TEXT}",
        "",
    )


def test_an_adapter_for_a_gguf_file_runs_on_llamacpp(capfd: pytest.CaptureFixture[str]) -> None:
    """It was ignored without a word."""
    Path("model.gguf").touch()
    words = ["complete", "add.py", "-m", "model.gguf", "--adapter", "lora"]
    assert main([*words, "--engine", "openvino"]) == 2
    assert capfd.readouterr() == (
        "",
        "error: model.gguf is a GGUF file, to which only llama.cpp adds an adapter; "
        "omit --engine\n",
    )
