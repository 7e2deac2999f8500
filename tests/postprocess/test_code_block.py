"""Which of an answer's Markdown is the code that takes the place of other code."""

import pytest

from starcoder_cli.errors import DataError
from starcoder_cli.languages import find_language
from starcoder_cli.postprocess.code_block import extract_code, find_code, without_stray_fence
from starcoder_cli.stream import Chunk, collect

PYTHON = "import os\n\n\ndef a(x):\n    return x * 2\n\n\nprint(a(1))\n"
CHANGED, WRONG = PYTHON.replace("* 2", "+ 1"), PYTHON.replace("* 2", "- 1")
HELPER, USE = "def b(x):\n    return 2\n", "x = 2\nprint(a(x))\n"
LONG = "".join(f"value_{number} = {number}\n" for number in range(16))
DOCUMENT = "# Title\n\nInstall:\n\n## Use\n\nCall it.\n"
EXAMPLE = "# Title\n\nInstall:\n\n```sh\npip install x\n```\n\n## Use\n\nCall it.\n"
DOCSTRING = (
    'import os\n\n\ndef a(x):\n    """\n    ```\n    a(1)\n    ```\n    """\n    return x * 2\n'
)


def fenced(code: str, label: str = "python") -> str:
    """A block of code."""
    return f"```{label}\n{code}\n```\n" if code[-1:] != "\n" else f"```{label}\n{code}```\n"


@pytest.mark.parametrize(
    ("text", "original", "name", "code"),
    [
        (fenced(CHANGED), PYTHON, "python", CHANGED),
        (f"Sure:\n{fenced(CHANGED, '')}I changed `x * 2`.", PYTHON, "python", CHANGED),
        (f"{fenced(CHANGED)}Use it:\n{fenced('a(2)')}", PYTHON, "python", CHANGED),
        (f"{fenced(CHANGED)}Use it:\n{fenced('a(2)', '')}", PYTHON, "python", CHANGED),
        (f"{fenced(CHANGED)}Use it:\n{fenced('a(2)', '')}So.\n", PYTHON, "python", CHANGED),
        (f"Original:\n{fenced(PYTHON)}\nNew:\n{fenced(CHANGED)}", PYTHON, "python", CHANGED),
        (f"Not\n{fenced('return x * 2')}\n{fenced(CHANGED)}", PYTHON, "python", CHANGED),
        (f"{fenced('pip install x', 'sh')}\n{fenced(CHANGED, 'py')}", PYTHON, "python", CHANGED),
        (f"{fenced(CHANGED)}Use it:\n{fenced(USE)}", PYTHON, "python", CHANGED),
        (f"{fenced(WRONG)}No, that is wrong:\n{fenced(CHANGED)}", PYTHON, "python", CHANGED),
        (f"{fenced(CHANGED)}The part:\n{fenced(CHANGED[:60])}", PYTHON, "python", CHANGED),
        (fenced(f"python\n{CHANGED}", ""), PYTHON, "python", CHANGED),
        (fenced(f"src/a.py\n{CHANGED}"), PYTHON, "python", CHANGED),
        (fenced(f"a.py\n{CHANGED}"), f"a.py\n{PYTHON}", "python", f"a.py\n{CHANGED}"),
        (fenced(DOCSTRING), PYTHON, "python", DOCSTRING),
        (DOCSTRING, PYTHON, "python", DOCSTRING),
        (fenced(EXAMPLE, "markdown"), DOCUMENT, "markdown", EXAMPLE),
        (EXAMPLE, DOCUMENT, "markdown", EXAMPLE),
        (fenced("#!/bin/sh\nfoo\n", "bash"), "#!/bin/sh\nbar\n", "shell", "#!/bin/sh\nfoo\n"),
        ("1. So:\n   ```python\n   x = 1\n   ```\n", "x = 2\n", "python", "x = 1\n"),
        ("```sh\na -U b\n```\n", "```sh\na b\n```\n", "markdown", "```sh\na -U b\n```\n"),
        ("A word.\n", "Words.\n", "markdown", "A word.\n"),
        ('{"a": 1}\n', '{"a": 2}\n', "json", '{"a": 1}\n'),
        ('"a": 1,\n', '"a": 2,\n', "json", '"a": 1,\n'),
        ("a:\n\trm b c\n", "a:\n\trm b\n", "makefile", "a:\n\trm b c\n"),
        ("<ul>\n<li>a</li>\n</ul>", "<ul>\n</ul>\n", "html", "<ul>\n<li>a</li>\n</ul>\n"),
        ("select 1;\n", "select 2;\n", "sql", "select 1;\n"),
        ("x = 2\n", "x = 1\n", "python", "x = 2\n"),
        ("a: 2\n", "a: 1\n", "yaml", "a: 2\n"),
        ("a { b: c }\n", "a { b: d }\n", "css", "a { b: c }\n"),
        ("ls -l\n", "ls\n", "shell", "ls -l\n"),
    ],
)
def test_the_code_is_found(text: str, original: str, name: str, code: str) -> None:
    found = find_code(text, original, find_language(name))
    assert (found.code, found.is_closed) == (code, True)


@pytest.mark.parametrize(
    ("text", "original", "problem"),
    [
        ("No.", PYTHON, "the answer has no code block"),
        ("Here is what I would do:\n\nx = 1\n", "x = 2\n", "the answer has no code block"),
        ("It is not clear what you want.\n", "x = 2\n", "the answer has no code block"),
        ("", PYTHON, "the answer has no code block"),
        (f"So:\n{fenced('a(1)')}\ndef a(x):\n", PYTHON, "stand outside of its block"),
        (f"{fenced(LONG[:80])}The rest:\n{fenced(LONG[80:])}", LONG, "code in several blocks"),
        (
            f"{fenced(HELPER)}Then:\n{fenced(CHANGED.replace('+ 1', '+ b(x)'))}",
            PYTHON,
            "has parts of the new code in other blocks",
        ),
        (
            f"{fenced(CHANGED.replace('+ 1', '+ Decimal(1)'))}And:\n"
            f"{fenced('from decimal import Decimal')}",
            PYTHON,
            "has parts of the new code in other blocks",
        ),
        (fenced("-a\n+b\n", "diff"), PYTHON, "the answer is a diff, and not the code"),
        (fenced("pip install x\n", "sh"), PYTHON, "has commands to run, and not the code"),
    ],
)
def test_what_is_not_clear_is_no_code(text: str, original: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        find_code(text, original, find_language("python"))


INSTALLED = "# Title\n\n```\npip install x\n```\n\nThen:\n\n```\nx\n```\n\n## Use\n\nCall it.\n"


@pytest.mark.parametrize(
    ("text", "original", "name", "code"),
    [
        (fenced(INSTALLED, "markdown"), DOCUMENT, "markdown", INSTALLED),
        (f"Here:\n{fenced(INSTALLED, 'md')}I added it.\n", DOCUMENT, "markdown", INSTALLED),
        (INSTALLED, DOCUMENT, "markdown", INSTALLED),
        (
            INSTALLED.replace("# T", "# A t"),
            INSTALLED,
            "markdown",
            INSTALLED.replace("# T", "# A t"),
        ),
        (
            fenced(f"{DOCUMENT}\n```\nx\n```\n", "markdown"),
            DOCUMENT,
            "markdown",
            f"{DOCUMENT}\n```\nx\n```\n",
        ),
        (
            fenced("a: |\n  ```\n  x\n  ```\nb: 1\n", "yaml"),
            "a: y\nb: 1\n",
            "yaml",
            "a: |\n  ```\n  x\n  ```\nb: 1\n",
        ),
        (
            f"{fenced(DOCUMENT.replace('T', 't'), 'markdown')}Run:\n{fenced('x', 'sh')}",
            DOCUMENT,
            "markdown",
            DOCUMENT.replace("T", "t"),
        ),
    ],
)
def test_blocks_in_a_document_do_not_end_it(text: str, original: str, name: str, code: str) -> None:
    """Though by the letter the first fence without a language does."""
    found = find_code(text, original, find_language(name))
    assert (found.code, found.is_closed) == (code, True)


def test_where_a_block_ends_has_to_be_clear() -> None:
    changed = DOCUMENT.replace("Title", "Name")
    text = f"{fenced(changed, 'markdown')}Then run\n{fenced('x', '')}and see.\n"
    with pytest.raises(DataError, match="it is not clear where the answer's block ends"):
        find_code(text, DOCUMENT, find_language("markdown"))


def test_an_empty_block_is_no_code() -> None:
    for text in ("```python\n```\n", "```python\n\n```\n"):
        with pytest.raises(DataError, match="the answer is an empty block; to delete lines, name"):
            find_code(text, PYTHON, find_language("python"))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_answer_is_read_to_its_end(size: int) -> None:
    def extract(text: str, reason: str = "stop") -> tuple[str, str, int]:
        pieces = [Chunk(text[at : at + size]) for at in range(0, len(text), size)]
        last = Chunk("", 0, "length" if reason == "length" else "stop")
        read = collect(extract_code([*pieces, last], PYTHON, find_language("python")))
        return read.text, read.reason, read.tokens

    text = fenced(CHANGED)
    assert extract(text) == (CHANGED, "stop", -(-len(text) // size))
    assert extract(text, "length")[:2] == (CHANGED, "stop")
    assert extract(text.removesuffix("```\n"))[:2] == (CHANGED, "length")


def test_a_second_block_that_was_cut_off_is_missed() -> None:
    text = f"{fenced(CHANGED)}and\n```python\ndef h(a):\n    ret"
    chunks = [Chunk(text), Chunk("", 0, "length")]
    assert collect(extract_code(chunks, PYTHON, find_language("python"))).reason == "length"


def test_tokens_that_went_into_thinking() -> None:
    thought = Chunk("", 5, "length", reasoning_content="hm")
    with pytest.raises(DataError, match="the model spent its tokens on thinking"):
        collect(extract_code([thought], PYTHON, find_language("python")))


def test_an_answer_without_a_block_can_be_cut_off_too() -> None:
    chunks = [Chunk("# Title\n\nCall i", 4), Chunk("", 0, "length")]
    found = collect(extract_code(chunks, DOCUMENT, find_language("markdown")))
    assert (found.text, found.reason) == ("# Title\n\nCall i\n", "length")


def test_a_fence_longer_than_those_in_it_ends_where_it_is_closed() -> None:
    document = "# T\n\nNew\n\n```sh\nls\n```\n\nEnd.\n"
    answer = f"````markdown\n{document}````\n\nI changed the text.\n"
    original = document.replace("New", "Old")
    assert find_code(answer, original, find_language("markdown")).code == document


TITLED = '"""\npkg.api\n~~~~~~~\n\nText.\n"""\n\n\ndef f():\n    return 1\n'


def test_a_line_below_a_title_opens_no_block() -> None:
    changed = TITLED.replace("return 1", "return 2")
    for answer in (changed, f"Here it is:\n\n```python\n{changed}```\n"):
        assert find_code(answer, TITLED, find_language("python")).code.strip() == changed.strip()


DOCUMENTS = {
    "markdown": "# T\n\nText one.\n\n```python\nx = 1\n```\n\nText two.\n",
    "restructuredtext": "Title\n=====\n\nText one.\n\n.. code-block:: python\n\n   x = 1\n",
    "html": "<html>\n<body>\n<p>One</p>\n<script>\nlet x = 1;\n</script>\n</body>\n</html>\n",
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_code_in_a_document_is_not_the_document(name: str) -> None:
    document, language = DOCUMENTS[name], find_language(name)
    label = "js" if name == "html" else "python"
    with pytest.raises(DataError, match="a block of the text, and not the text"):
        find_code(f"Here is the code:\n\n```{label}\nx = 2\n```\n", document, language)
    code = "let x = 1;\n" if name == "html" else "x = 1\n"
    new = code.replace("1", "2")
    assert find_code(f"```{label}\n{new}```\n", code, language).code == new
    if name != "markdown":
        whole = document.replace("1", "2")
        assert find_code(f"```{name}\n{whole}```\n", document, language).code == whole


def test_a_fence_that_nothing_opened_is_no_part_of_a_document() -> None:
    document = DOCUMENTS["markdown"]
    assert without_stray_fence(f"{document}```", document) == document
    assert without_stray_fence(f"{document}```\n", document) == document
    for text in (document, f"{document}```python", "```\n", f"{document}\n```\ny = 1\n"):
        assert without_stray_fence(text, document) == text
    half = "a\n\n```\nb\n\n```c\n```\n\n```\n"
    assert without_stray_fence(half, half) == half
