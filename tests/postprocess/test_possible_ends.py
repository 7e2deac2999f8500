"""A string, a heredoc or a comment of an answer's own is no place to end it in."""

import pytest

from holes import check, chunked
from starcoder_cli.languages import find_language
from starcoder_cli.model import Hole
from starcoder_cli.postprocess.possible_ends import End, best_end, divide_ends, standing_ends
from starcoder_cli.postprocess.soundness import SoundnessCheck
from starcoder_cli.postprocess.trim import trim_answer
from starcoder_cli.postprocess.trim_options import TrimOptions
from starcoder_cli.stream import collect

BRACES = "{\n  a: 1,\n}\nword\n{\n  b: 2\n}\n"
IF, ELIXIR_IF = "    if (a) {\n        b();\n    }\n", "    if a do\n      b()\n    end\n"
GO_IF = "\tif a {\n\t\tb()\n\t}\n"
LUA_IF = "    if a then\n        b()\n    end\n"
RUBY_IF = "    if a\n      b\n    end\n"
SHELL_IF = "    if a; then\n        b\n    fi\n"
SWIFT_IF = "    if a {\n        b()\n    }\n"
TEXTS = {
    "a comment": ("c", "void f(void)\n{\n", f"    /*\n{BRACES}*/\n{IF}", "}\n"),
    "C++'s raw string": ("cpp", "void f() {\n", f'    auto q = R"(\n{BRACES})";\n{IF}', "}\n"),
    "C#'s verbatim string": ("c-sharp", "void F() {\n", f'    var q = @"\n{BRACES}";\n{IF}', "}\n"),
    "Elixir's heredoc": ("elixir", "def f do\n", f'    q = """\n{BRACES}"""\n{ELIXIR_IF}', "end\n"),
    "Go's raw string": ("go", "func f() {\n", f"\tq := `\n{BRACES}`\n{GO_IF}", "}\n"),
    "Java's text block": ("java", "void f() {\n", f'    var q = """\n{BRACES}""";\n{IF}', "}\n"),
    "a template": ("javascript", "function f() {\n", f"    q = `\n{BRACES}`;\n{IF}", "}\n"),
    "Kotlin's raw string": ("kotlin", "fun f() {\n", f'    q = """\n{BRACES}"""\n{IF}', "}\n"),
    "Lua's long string": ("lua", "function f()\n", f"    q = [[\n{BRACES}]]\n{LUA_IF}", "end\n"),
    "Perl's heredoc": ("perl", "sub f {\n", f"    print <<E;\n{BRACES}E\n{IF}", "}\n"),
    "PHP's string": ("php", "<?php\nfunction f() {\n", f'    $q = "\n{BRACES}";\n{IF}', "}\n"),
    "PHP's heredoc": ("php", "<?php\nfunction f() {\n", f"    $q = <<<E\n{BRACES}E;\n{IF}", "}\n"),
    "Python's string": (
        "python",
        "def f():\n",
        f'    q = """\n{BRACES}"""\n    return q\n',
        "g()\n",
    ),
    "Ruby's heredoc": ("ruby", "def f\n", f"    q = <<E\n{BRACES}E\n{RUBY_IF}", "end\n"),
    "Rust's raw string": ("rust", "fn f() {\n", f'    let q = r#"\n{BRACES}"#;\n{SWIFT_IF}', "}\n"),
    "a heredoc": ("shell", "f() {\n", f"    cat <<E\n{BRACES}E\n{SHELL_IF}", "}\n"),
    "a quoted heredoc": ("shell", "f() {\n", f'    cat <<-"E"\n{BRACES}E\n{SHELL_IF}', "}\n"),
    "a program in quotes": ("shell", "f() {\n", f"    awk '\n{BRACES}' x\n{SHELL_IF}", "}\n"),
    "Swift's string": ("swift", "func f() {\n", f'    q = """\n{BRACES}"""\n{SWIFT_IF}', "}\n"),
    "Terraform's heredoc": (
        "terraform",
        'a "b" {\n',
        f"    p = <<E\n{BRACES}E\n    q = 1\n",
        "}\n",
    ),
    "a template in TypeScript": (
        "typescript",
        "export function f() {\n",
        f"    const q = `\n{BRACES}`;\n{IF}",
        "}\n",
    ),
}


@pytest.mark.parametrize("language, before, answer, after", TEXTS.values(), ids=TEXTS)
def test_braces_in_a_text_end_no_answer(
    language: str, before: str, answer: str, after: str
) -> None:
    check(f"{before}«{answer}»{after}", language)
    check(f"{before}«{answer}{after}»", language)


@pytest.mark.parametrize("language, before, answer, after", TEXTS.values(), ids=TEXTS)
def test_behind_a_text_an_answer_ends_as_ever(
    language: str, before: str, answer: str, after: str
) -> None:
    check(f"{before}«{answer}¦{after}\n{before}{answer}»{after}", language)


def test_lines_that_are_repeated_in_a_text_are_no_circle() -> None:
    rows = "0 0 0 0\n" * 40
    check(f"f() {{\n«    cat <<E\n{rows}E\n    g\n»}}\n", "shell")


def test_the_suffix_in_a_text_is_no_end_where_it_leaves_the_text_open() -> None:
    script = "  cat > run <<E\nf() {\n  g\n}\nf\nE\n  h\n"
    check(f"f() {{\n«{script}»}}\nf\n", "shell")
    check(f"f() {{\n«{script}¦}}\nf\n»}}\nf\n", "shell")


def test_the_suffix_may_end_a_text() -> None:
    check("int a;\n«\n/* A\n * b.¦\n * More of it.\n */\nint f();\n»\n * More of it.\n */\n", "c")


def test_a_text_that_never_ends_is_a_circle() -> None:
    circle = 'x = """\n' + "again and again\n" * 40
    options = TrimOptions(find_language("python"), live=True)
    kept = collect(trim_answer(chunked(circle, 7, "length"), Hole("", "y = 1\n"), options))
    assert kept.trimmed == ("repetition",)


def test_an_end_in_a_whole_text_is_none() -> None:
    hole, shell = Hole("f() {\n", "}\n"), find_language("shell")
    check_of = SoundnessCheck(hole, "", shell)
    answer = "  cat <<E\n}\nE\n  g\n}\n"
    inside, outside = End(answer.index("}"), "block"), End(answer.rindex("}"), "block")
    assert divide_ends([inside, outside], answer, check_of) == ([outside], [])


def test_an_end_in_an_open_text_waits() -> None:
    hole, shell = Hole("f() {\n", "}\n"), find_language("shell")
    check_of = SoundnessCheck(hole, "", shell)
    answer = "  cat <<E\n}\n"
    inside = End(answer.index("}"), "block")
    assert divide_ends([inside], answer, check_of) == ([], [inside])


def test_a_preferred_end_comes_before_others_of_as_few_errors() -> None:
    first, preferred, worse = End(0, "block"), End(1, "suffix", is_preferred=True), End(2, "block")
    errors = {first: 1, preferred: 1, worse: 2}
    assert best_end([first, preferred, worse], lambda end: errors[end]) is preferred
    assert best_end([first, worse], lambda end: errors[end]) is first


def test_of_thousands_of_ends_the_first_and_the_last_are_kept() -> None:
    ends = [End(at, "suffix") for at in range(5000)]
    kept = standing_ends(ends, lambda at: True)
    assert len(kept) == 64 and kept[:8] == ends[:8] and kept[8:] == ends[-56:]
    assert standing_ends(ends[:60], lambda at: at > 7) == ends[8:60]
