"""The code in an answer's first fenced block, however the answer is cut up."""

import pytest

from starcoder_cli.errors import DataError
from starcoder_cli.postprocess.fences import Fence, extract_first_block, find_open_fence
from starcoder_cli.stream import Chunk, Completion, Stream, collect

ANSWERS = {
    "plain": ("Sure:\n\n```python\nx = 1\n\ny = 2\n```\nDone.\n```\nz\n```\n", "x = 1\n\ny = 2\n"),
    "at once": ("```\nx\n```", "x\n"),
    "no end": ("```sh\nls -l", "ls -l"),
    "half an end": ("```sh\nls -l\n``", "ls -l\n``"),
    "empty": ("```\n```\n", ""),
    "tildes": ("~~~ c\nint x;\n```\n~~~\n", "int x;\n```\n"),
    "longer": ("````markdown\n```\nx\n```\n````\n", "```\nx\n```\n"),
    "deep inside": ('```py\n    """\n    ```\n    """\n```\n', '    """\n    ```\n    """\n'),
    "in a list": ("1. So:\n   ```go\n   f()\n\n     g()\n   ```\n", "f()\n\n  g()\n"),
    "tabs": ("```make\nall:\n\tcc `x`\n```", "all:\n\tcc `x`\n"),
    "words behind": ("``` not a fence ``` here\n```\nx\n```\n", "x\n"),
    "carriage returns": ("```c\r\nint x;\r\n```\r\n", "int x;\r\n"),
    "no line breaks": ("```\na\u2028b\x0cc\n```\n", "a\u2028b\x0cc\n"),
}


def pieces(text: str, size: int) -> Stream:
    """A text as a stream of chunks of one size."""
    for at in range(0, len(text), size):
        yield Chunk(text[at : at + size])
    yield Chunk("", 0, "length")


def ignored(fence: Fence) -> None:
    """Nobody wants to know."""


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("name", ANSWERS)
def test_the_first_block_alone(name: str, size: int) -> None:
    answer, code = ANSWERS[name]
    assert collect(extract_first_block(pieces(answer, size), ignored)).text == code


def test_the_fence_is_known_before_the_code() -> None:
    seen: list[object] = []
    for chunk in extract_first_block(
        pieces("So:\n  ```rust\n  fn f() {}\n  ```\n", 1), seen.append
    ):
        seen += [chunk.text] if chunk.text else []
    assert seen[0] == Fence("  ", "```", "rust")
    assert "".join(map(str, seen[1:])) == "fn f() {}\n"


def test_the_model_stops_with_the_block() -> None:
    closed = []

    def endless() -> Stream:
        try:
            yield Chunk("```\nx\n```\n")
            while True:
                yield Chunk("and on")
        finally:
            closed.append(True)

    completion = collect(extract_first_block(endless(), ignored))
    assert (completion.text, completion.reason, completion.tokens) == ("x\n", "stop", 1)
    assert closed == [True]


def test_tokens_outside_the_block_count_too() -> None:
    completion = collect(
        extract_first_block(pieces("abc\n```\nx\n```\n", 1), ignored), clock=lambda: 0.0
    )
    assert completion == Completion("x\n", "stop", tokens=14)


@pytest.mark.parametrize("answer", ["", "no code", "`inline` and ``` and\n`` ` ``\n", "```"])
def test_an_answer_without_a_block_is_an_error(answer: str) -> None:
    with pytest.raises(DataError) as caught:
        collect(extract_first_block(pieces(answer, 2), ignored))
    assert str(caught.value) == ("the answer has no code block; ask for code, or omit --extract")


def test_an_answer_that_was_only_thought_says_so() -> None:
    cut = [Chunk("", reasoning_content="hm"), Chunk("", 0, "length")]
    with pytest.raises(DataError, match="spent its tokens on thinking and wrote no code"):
        collect(extract_first_block(cut, ignored))
    with pytest.raises(DataError, match="no code block; so it is"):
        collect(extract_first_block([Chunk("", 0, "stop")], ignored, "so it is"))


DOCSTRING = 'def a(x):\n    """\n    ```\n    a(1)\n    ```\n    """\n'


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_fence_in_code_begins_no_block(size: int) -> None:
    """The code itself was written without one."""
    with pytest.raises(DataError, match="the answer has no code block"):
        collect(extract_first_block(pieces(DOCSTRING, size), ignored))
    listed = "1. First:\n\n    ```sh\n    x\n    ```\n"
    assert collect(extract_first_block(pieces(listed, size), ignored)).text == "x\n"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_block_in_a_block_closes_first(size: int) -> None:
    document = "# Title\n\n```sh\npip install x\n```\n\n    ```sh\n\nUse it.\n"
    answer = f"So:\n```markdown\n{document}```\nThat is all.\n"
    assert collect(extract_first_block(pieces(answer, size), ignored)).text == document
    bare = "```\nx\n```\ny\n```sh\nz\n```\n"
    assert collect(extract_first_block(pieces(bare, size), ignored)).text == "x\n"


def test_the_block_that_a_text_ends_in() -> None:
    text = "a\n```sh\nb\n```\nc\n~~~~py\n```\nd\n~~~~\ne\n"
    found = [find_open_fence(text[:at]) for at in (text.index(letter) for letter in "abcde")]
    assert [fence and fence.language for fence in found] == [None, "sh", None, "py", None]
