"""How sound a file is with an answer in its hole."""

import pytest

from starcoder_cli import languages
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.fences import Fence
from starcoder_cli.postprocess.soundness import MAX_ERRORS_BEFORE, MAX_JUDGEMENTS, SoundnessCheck

PYTHON = languages.find_language("python")
FUNCTION = Hole("def f(x):\n    ", "\n    return x\n")


def test_an_answer_is_as_sound_as_what_it_replaces() -> None:
    check = SoundnessCheck(FUNCTION, "x += x +", PYTHON)
    assert check.errors_before > 0
    assert check.is_as_sound("x += 1") and check.is_as_sound("x -=")
    assert not SoundnessCheck(FUNCTION, "x += 1", PYTHON).is_as_sound("x -=")


def test_what_marks_a_hole_is_no_error_of_the_file() -> None:
    hole = Hole("function f()\n  ", "\nend\n")
    check = SoundnessCheck(hole, "HOLE", languages.find_language("lua"))
    assert check.errors("HOLE") > 0 == check.errors_before


def test_where_there_is_no_grammar_brackets_count() -> None:
    check = SoundnessCheck(Hole("f(", ")\n"), "a", languages.find_language("crystal"))
    assert check.errors("a") == 0 < check.errors("a)")


def test_an_answer_is_cut_back_to_where_it_is_sound() -> None:
    check = SoundnessCheck(FUNCTION, "x = 1", PYTHON)
    assert check.cut_back("x = 1\n    x = (2\n    y") == "x = 1"
    assert check.cut_back("x = (") is None
    assert check.cut_back("x = 1\n    x = (2\n    y", is_whole=True) is None
    braces = SoundnessCheck(Hole("f() {\n", "\n}\n"), "", languages.find_language("shell"))
    assert braces.cut_back("  a }") == braces.cut_back("  a }", is_whole=True) == "  a"


def test_lines_keep_their_ends_where_the_suffix_brings_none() -> None:
    check = SoundnessCheck(Hole("a = 1\n", "b = 2\n"), "", PYTHON)
    assert check.line_end == "\n" and check.cut_back("c = 3\nd =\n") == "c = 3\n"
    assert SoundnessCheck(FUNCTION, "", PYTHON).line_end == ""


def test_a_jump_that_nothing_gets_past() -> None:
    check = SoundnessCheck(Hole("def f(x):\n", "\n    return x\n"), "", PYTHON)
    assert check.without_jump("    a = 1\n    return a") == "    a = 1"
    assert check.without_jump("    if x:\n        return a") is None
    assert check.without_jump("    return a") is None


def test_only_so_many_answers_are_judged() -> None:
    """Or a long answer could take as long as it likes."""
    check = SoundnessCheck(FUNCTION, "x = 1", PYTHON)
    verdicts = [check.is_as_sound(f"x = {number}") for number in range(2 * MAX_JUDGEMENTS)]
    assert verdicts == sorted(verdicts, reverse=True) and not verdicts[-1]


def test_only_what_is_near_a_hole_is_parsed() -> None:
    lines, error = "x = 1\n" * 100_000, "def f(:\n"
    check = SoundnessCheck(Hole(error + lines, "\n" + lines + error), "y = 1", PYTHON)
    assert check.errors("y = 1") == 0


def test_a_comment_that_takes_the_rest_of_the_line_in() -> None:
    check = SoundnessCheck(Hole("f(", ")\n"), "1", PYTHON)
    assert check.opens_comment("1)  # one") and not check.opens_comment("1")


def test_where_a_file_has_errors_and_no_code_in_the_hole_only_closers_go() -> None:
    broken = SoundnessCheck(Hole("int f( {\n", "}\n"), "HOLE\n", languages.find_language("c"))
    assert broken.errors_before and broken.cut_back("  int x = 1 +;\n  int y = (;\n") is None
    closed = SoundnessCheck(Hole("int g(;\nint f() {\n", "}\n"), "", languages.find_language("c"))
    assert closed.cut_back("  return 1;\n}\n}\n") == "  return 1;\n"


def test_what_is_not_what_its_name_says_is_left_alone() -> None:
    text = "\\title{A}\n\\text{of it (and}\n" * 20
    check = SoundnessCheck(Hole(text, text), "", languages.find_language("r"))
    assert check.errors_before > MAX_ERRORS_BEFORE
    assert check.cut_back("}\n\\arguments{\n)") is None


def test_a_fence_is_the_models_own_where_the_file_has_none() -> None:
    """Unless the hole is in code it may be the file's, where that has some in texts."""
    html = SoundnessCheck(Hole("<p>\n", "\n</p>\n"), "a", languages.find_language("html"))
    assert html.is_fence_talk("", "") and not html.is_fence_talk("", "  ")
    documented = 'def f():\n    """Do.\n\n    ```\n    f()\n    '
    check = SoundnessCheck(Hole(documented, '```\n    """\n    '), "", PYTHON)
    assert not check.is_fence_talk("", "")
    assert check.is_fence_talk('```\n    """\n', "") and check.is_fence_talk('```\n    """\n', " ")


@pytest.mark.parametrize(
    ("language", "prefix", "introduction", "fence", "is_wrapped"),
    [
        ("python", '"""Tools.\n\n', "", "```", True),
        ("python", '"""Tools.\n\n', "Here is the text:", "```python", True),
        ("python", '"""Tools.\n\n', "Install it:", "```python", False),
        ("python", '"""Tools.\n\n', "Here is how:", "```sh", False),
        ("python", '"""Tools.\n\n', "", "```sh", False),
        ("python", "x = 1\n", "Install it:", "```sh", True),
        ("shell", "cat <<EOF\n# Tool\n\n", "Install it:", "```sh", False),
        ("rust", 'const HELP: &str = r#"\n', "Install it:", "```sh", False),
        ("julia", '"""\n    f(x)\n\n', "Squares.", "```jldoctest", False),
        ("go", "/*\n", "Run:", "```", False),
        ("yaml", "value: |\n", "Tell us:", "        ```sh", False),
        ("yaml", "value: |\n", "", "        ```yaml", True),
        ("yaml", "a:\n", "", "```", True),
    ],
)
def test_a_fence_of_an_example_is_no_wrapper(
    language: str, prefix: str, introduction: str, fence: str, is_wrapped: bool
) -> None:
    """In a text it has another language than the file, or something for readers before it."""
    closers = {"python": '"""\n', "shell": "EOF\n", "rust": '"#;\n', "julia": '"""\n', "go": "*/\n"}
    suffix = "y = 1\n" if prefix == "x = 1\n" else f"\n{closers.get(language, '')}"
    check = SoundnessCheck(Hole(prefix, suffix), "", languages.find_language(language))
    parsed = Fence.parse(fence)
    assert parsed
    assert check.is_wrapped(introduction, parsed) == is_wrapped
