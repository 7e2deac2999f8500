"""Answers that are wrong as a whole: what goes into a file all the same, and what does not."""

import json
from pathlib import Path

import pytest

import starcoder_cli
from sites import body, serving
from starcoder_cli.cli import main

CODE = "def f(x):\n    return x\n\n\ndef g(x):\n    return f(x) + 1\n"
NEW = "def f(x):\n    return 2 * x\n"
LEFT_OUT = f"{NEW}\n\n# ... rest of the code unchanged ...\n"

Streams = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with one file."""
    monkeypatch.chdir(tmp_path)
    Path("a.py").write_text(CODE)


def ask(text: str, *words: str, reason: str = "stop") -> int:
    """The exit code of a command at an endpoint that answers a text."""
    with serving(owner="somebody", pieces=(text[:9], text[9:]), reason=reason) as site:
        return main([*words, "--endpoint", site.url])


def fenced(code: str) -> str:
    """Code as a model that chats writes it."""
    return f"Sure:\n```python\n{code}```\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"```python\n{NEW}", "the answer was cut off before its end"),
        (f"```python\n{NEW}``", "the answer was cut off before its end"),
        (
            fenced(LEFT_OUT),
            "the answer leaves code out, where it says '# ... rest of the code unchanged ...'",
        ),
        (
            fenced("This is not clear to me.\nDo you mean f?\n"),
            "the answer lacks 'f', which the code defines",
        ),
        (
            fenced("# I'm sorry, but I cannot help with that.\n"),
            'the answer is not code: it begins with "# I\'m sorry, but I cannot help with that."',
        ),
        (fenced("pass\n"), "the answer keeps none of the 4 lines that it would replace"),
        (fenced("  \n"), "the answer is nothing but white space"),
        (
            fenced(f"{NEW}\n\ndef g(x):\n    ...  # existing code\n"),
            "the answer leaves code out, where it says '# existing code'",
        ),
        (fenced(CODE.replace("f(x):", "f(x:")), "a parser finds errors in a.py with the answer"),
    ],
)
def test_code_is_not_replaced_by_less(text: str, problem: str, capsys: Streams) -> None:
    for words in (["--in-place"], ["--diff"], ["--output", "b.py"]):
        assert ask(text, "edit", "a.py", "Double it.", *words) == 65
        assert f"error: {problem}; " in capsys.readouterr().err
        assert Path("a.py").read_text() == CODE
        assert not Path("b.py").exists()
    assert ask(text, "edit", "a.py", "Double it.") == 0
    noted = capsys.readouterr()
    assert noted.out.strip() in text
    assert noted.err.startswith("note: ")
    assert noted.err.count("note: ") == 1


def test_what_is_whole_takes_the_place(capsys: Streams) -> None:
    for text in (fenced(NEW), f"```python\n{NEW}```", f"```\n{NEW}\n```\nThat is all."):
        Path("a.py").write_text(CODE)
        assert ask(text, "edit", "a.py:1-2", "Double it.", "--in-place") == 0
        assert Path("a.py").read_text() == NEW + CODE[len("def f(x):\n    return x\n") :]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("piece", ["\ufffd", "\ud83d", "\udc80"])
@pytest.mark.parametrize(
    "words",
    [
        ["fill", "a.py:2"],
        ["fill", "a.py:2", "--raw"],
        ["complete", "a.py:2"],
        ["edit", "a.py:1-2", "Name it."],
    ],
)
def test_an_answer_whose_characters_broke_goes_into_no_file(
    words: list[str], piece: str, capsys: Streams
) -> None:
    answer = f"    name = '{piece}'\n    return x\n"
    answer = fenced(f"def f(x):\n{answer}") if words[0] == "edit" else answer
    for option in ("--in-place", "--diff", "--output=b.py"):
        assert ask(answer, *words, option) == 65
        assert (Path("a.py").read_text(), Path("b.py").exists()) == (CODE, False)
        problem = "error: the answer has U+FFFD, for characters that broke on their way; ask again"
        assert problem in capsys.readouterr().err
    assert ask(answer, *words) == 0
    assert "note: the answer has U+FFFD" in capsys.readouterr().err
    Path("a.py").write_text(f"{CODE}# \ufffd\n")
    assert ask(answer, *words, "--in-place") == 0
    assert "name = '\ufffd'" in Path("a.py").read_text()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (CODE.encode() + b"# \xe9t\xe9\n", "a.py is not UTF-8, and the answer has characters"),
        (b"# coding: latin-1\n" + CODE.encode(), "a.py says that it is in latin-1, and the answer"),
    ],
    ids=["bytes", "comment"],
)
@pytest.mark.parametrize("words", [["fill", "a.py:3"], ["complete", "a.py:3", "--raw"]])
def test_no_file_of_another_encoding_gets_utf8(
    words: list[str], data: bytes, problem: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    text = "    name = '\xe9'\n"
    Path("a.py").write_bytes(data)
    for options in (["--in-place"], ["--diff"], ["--output=b.py", "--echo"]):
        assert ask(text, *words, *options) == 65
        assert (Path("a.py").read_bytes(), Path("b.py").exists()) == (data, False)
        assert f"error: {problem}".encode() in capsysbinary.readouterr().err
    assert ask(text, *words, "--output=b.py") == 0
    assert "\xe9" in Path("b.py").read_text()
    assert ask("    name = 'e'\n", *words, "--in-place") == 0
    assert b"name = 'e'" in Path("a.py").read_bytes()


def test_a_file_that_does_not_parse_may_stay_so(capsys: Streams) -> None:
    Path("a.py").write_text("def f(x:\n    return x\n")
    assert ask(fenced("def g(x:\n    return x\n"), "edit", "a.py", "Call it g.", "-i") == 0
    assert (Path("a.py").read_text(), capsys.readouterr().err) == (
        "def g(x:\n    return x\n",
        "",
    )


def test_what_is_left_out_of_a_record_is_in_it(capsys: Streams) -> None:
    assert ask(fenced(LEFT_OUT), "edit", "a.py", "Double it.", "--json", "-o", "b.json") == 0
    assert json.loads(Path("b.json").read_text())["text"] == LEFT_OUT
    assert capsys.readouterr().err == ""


def test_as_the_model_wrote_it_nothing_is_judged(capsys: Streams) -> None:
    assert ask(fenced(LEFT_OUT), "edit", "a.py", "Double it.", "--raw", "-i") == 0
    assert (Path("a.py").read_text(), capsys.readouterr().err) == (LEFT_OUT, "")


def test_the_code_is_the_block_that_is_most_like_it(capsys: Streams) -> None:
    changed = CODE.replace("+ 1", "+ 2")
    run = "```sh\npip install a\n```\n"
    use = "```python\nimport a\n\na.g(1)\n```\n"
    quote = "```python\n    return f(x) + 1\n```\n"
    new = f"```python\n{changed}```\n"
    for text in (f"{run}Then:\n{new}", f"{new}Use it:\n{use}", f"In place of\n{quote}\n{new}"):
        Path("a.py").write_text(CODE)
        assert ask(text, "edit", "a.py", "Add 2.", "--in-place") == 0
        assert Path("a.py").read_text() == changed
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (fenced("def f(x):\n    return 2 * x\n"), "the answer lacks 'g', which the code defines"),
        (
            fenced(f"A = 1\nB = 2\n{NEW}") + fenced("A = 1\n\n\ndef g(x):\n    return f(x) + 1\n"),
            "the answer lacks 'f', which the code defines",
        ),
    ],
)
def test_what_the_code_defines_is_not_lost(text: str, problem: str, capsys: Streams) -> None:
    assert ask(text, "edit", "a.py", "Double it.", "-i") == 65
    assert problem in capsys.readouterr().err
    assert Path("a.py").read_text() == CODE


def test_bytes_that_are_not_utf8_are_not_lost(capsys: Streams) -> None:
    """The model has read U+FFFD in their place."""
    latin = CODE.replace("+ 1", "+ 1  # Gr\xf6\xdfe").encode("latin-1")
    Path("a.py").write_bytes(latin)
    answer = fenced(CODE.replace("+ 1", "+ 2  # Gr\ufffd\ufffde"))
    for words in (["edit", "a.py", "Add 2."], ["fill", "a.py:6", "--no-context"]):
        assert ask(answer, *words, "-i") == 65
        assert "the answer has U+FFFD" in capsys.readouterr().err
        assert Path("a.py").read_bytes() == latin


def test_an_edit_without_code_is_no_success(capsys: Streams) -> None:
    for text, problem in (("```python\n```\n", "an empty block"), ("\n", "has no code block")):
        assert ask(text, "edit", "a.py:5-6", "Delete these lines.", "-i") == 65
        assert problem in capsys.readouterr().err
    assert Path("a.py").read_text() == CODE


def test_what_the_instruction_names_may_go(capsys: Streams) -> None:
    assert ask(fenced(NEW), "edit", "a.py", "Double it, and remove g.", "-i") == 0
    assert (Path("a.py").read_text(), capsys.readouterr().err) == (NEW, "")


def test_a_draft_that_was_cut_off_is_no_answer(capsys: Streams) -> None:
    """The template of a model that thinks has begun to, and its server has not told."""
    draft = f"Perhaps:\n{fenced(NEW)}Hmm, that is wrong. Let me"
    with serving(owner="somebody", model="qwen3-8b", pieces=(draft,), reason="length") as site:
        words = ["edit", "a.py", "Double it.", "-i", "--endpoint", site.url]
        assert main(words) == 65
        assert "the model spent its tokens on thinking" in capsys.readouterr().err
        words = ["fill", "a.py:1-2", "--no-context", "-i", "--endpoint", site.url]
        assert main(words) == 65
        assert "spent all of its 1 tokens on thinking" in capsys.readouterr().err
    assert Path("a.py").read_text() == CODE


def test_white_space_takes_no_code_away(capsys: Streams) -> None:
    blank, words = "   \n\n", ["fill", "a.py:1-2", "--no-context", "--in-place"]
    for more in ((), ("--raw",)):
        assert ask(blank, *words, *more) == 65
        assert "the answer is nothing but white space" in capsys.readouterr().err
    assert Path("a.py").read_text() == CODE


def test_a_hole_that_has_code_takes_no_comment_in_its_place(capsys: Streams) -> None:
    answer = "# (existing code unchanged)\n"
    assert ask(answer, "fill", "a.py:1-2", "--no-context", "--in-place") == 65
    assert "the answer leaves code out" in capsys.readouterr().err
    assert Path("a.py").read_text() == CODE


def test_a_hole_takes_what_breaks_its_file_and_that_is_said(capsys: Streams) -> None:
    assert ask("    return (x\n", "fill", "a.py:2", "--no-context", "-i") == 0
    note = "note: a parser finds errors in a.py with the answer\n"
    assert capsys.readouterr().err == note
    assert "return (x" in Path("a.py").read_text()


def test_an_answer_that_broke_off_is_cut_back_to_what_is_whole(capsys: Streams) -> None:
    """The server says that it is done, and no reason."""
    Path("a.py").write_text("def f(x):\n    HERE\n")
    events = [
        {"choices": [{"text": text, "finish_reason": None}]} for text in ("y = x\n", "    z = (y")
    ]
    sent = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    with serving(owner="somebody") as site:
        site.faults = [body(sent, "text/event-stream")]
        assert main(["fill", "a.py", "--at", "HERE", "-i", "--endpoint", site.url]) == 0
    assert Path("a.py").read_text() == "def f(x):\n    y = x\n"
    assert "the answer was cut off after its last whole statement" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["fill", "a.py:2"], ["complete", "a.py:2"]])
def test_what_a_model_thinks_before_it_fills_is_no_code(words: list[str], capsys: Streams) -> None:
    answer = "<think>\nIt could be:\n    return 7\n</think>\n\n    return 2 * x\n"
    with serving(owner="somebody", pieces=(answer[:3], answer[3:])) as site:
        for name in ("qwen2.5-coder-0.5b", "qwen3-8b"):
            site.model = name
            site.pieces = (answer[:3], answer[3:])
            assert main([*words, "--endpoint", site.url, "--json"]) == 0
            told = json.loads(capsys.readouterr().out)
            assert told["text"].strip() == "return 2 * x"
            assert "return 7" in told["reasoning_content"]
        site.pieces = (answer.removeprefix("<think>"),)  # which the server's template began
        assert main([*words, "--endpoint", site.url]) == 0
        assert capsys.readouterr().out.strip() == "return 2 * x"


@pytest.mark.parametrize("answer", ["    y = 2", "    y = 2\n", "    y = 2\n\n"])
def test_a_last_line_without_an_end_stays_so(answer: str, capsys: Streams) -> None:
    Path("a.py").write_text("def f(x):\n    y = 1")
    assert ask(answer, "fill", "a.py:2", "--no-context", "--in-place") == 0
    assert Path("a.py").read_text() == "def f(x):\n    y = 2"
    assert capsys.readouterr().err == ""


def test_the_python_api_tells_what_is_wrong() -> None:
    with (
        serving(owner="somebody", pieces=(fenced(LEFT_OUT),)) as site,
        starcoder_cli.load(site.model, endpoint=site.url) as model,
    ):
        answer = model.edit(CODE, "Double it.", lang="python")
    assert "leaves code out" in answer.notes[-1]
