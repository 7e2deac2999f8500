"""The table of languages is whole, agrees with the training set, and finds what a file is in."""

import json
from pathlib import Path

import pytest

from starcoder_cli.errors import UsageError
from starcoder_cli.languages import (
    CommentSyntax,
    Language,
    detect_language,
    find_language,
    languages_by_name,
)

SHARED = Path(__file__).parents[1].parent / "shared" / "data" / "languages"

TRAINED = """
ada agda alloy antlr applescript assembly augeas awk batchfile bluespec c c-sharp clojure cmake
coffeescript common-lisp cpp css cuda dart dockerfile elixir elm emacs-lisp erlang f-sharp fortran
glsl go groovy haskell html idris isabelle java java-server-pages javascript json julia kotlin lean
literate-agda literate-coffeescript literate-haskell lua makefile maple markdown mathematica ocaml
pascal perl php powershell prolog protocol-buffer python r racket restructuredtext rmarkdown ruby
rust sas scala scheme shell smalltalk solidity sparql sql stan standard-ml stata systemverilog tcl
tcsh tex thrift typescript vhdl visual-basic xslt yacc yaml zig
"""

UNTRAINED = """
crystal d graphql matlab nim nix objective-c svelte swift terraform text toml verilog vue
"""

each_language = pytest.mark.parametrize(
    "language", languages_by_name().values(), ids=lambda it: it.name
)


def shared(name: str) -> Path:
    """A file of the training set's own lists, where they are at hand."""
    file = SHARED / name
    if not file.exists():
        pytest.skip(f"needs {name}, which is beside the checkout only")
    return file


def test_all_86_trained_languages_come_first_and_a_few_others_after() -> None:
    assert len(TRAINED.split()) == 86
    assert [(language.name, language.is_trained) for language in languages_by_name().values()] == [
        *((name, True) for name in TRAINED.split()),
        *((name, False) for name in UNTRAINED.split()),
    ]


def test_the_training_set_has_these_folders_and_two_that_are_nearly_empty() -> None:
    folders = json.loads(shared("starcoder-88-languages.json").read_text())["languages"]
    assert set(folders) == {*TRAINED.split(), "matlab", "verilog"}


def test_every_ending_the_training_set_kept_is_found_in_its_language() -> None:
    kept = json.loads(shared("starcoder-included-extensions.json").read_text())
    # These two are files without an ending; what the sheet lists besides are templates.
    del kept["dockerfile"], kept["makefile"]
    kept["cpp"] = kept.pop("c++")
    found = {
        name: sorted(
            {
                ending
                for ending in endings
                if detect_language(f"a.{ending}") is languages_by_name()[name]
            }
        )
        for name, endings in kept.items()
    }
    assert found == {name: sorted(set(endings)) for name, endings in kept.items()}


@each_language
def test_every_file_of_a_language_is_detected_as_that_language(language: Language) -> None:
    assert language.extensions
    for ending in language.extensions:
        assert ending.startswith(".")
        assert detect_language(f"folder/name{ending}") is language
    for filename in language.filenames:
        assert detect_language(f"folder/{filename}") is language


@each_language
def test_every_language_goes_by_its_name_its_title_and_its_aliases(language: Language) -> None:
    names = (language.name, language.title, *language.aliases)
    assert {find_language(name) for name in (*names, *map(str.upper, names))} == {language}


def test_every_language_has_a_comment_but_these() -> None:
    without = [
        language.name for language in languages_by_name().values() if language.comment is None
    ]
    assert without == [
        "json",
        "literate-agda",
        "literate-coffeescript",
        "literate-haskell",
        "text",
    ]


@each_language
def test_every_language_has_a_lexer_and_only_plain_text_has_the_plain_one(
    language: Language,
) -> None:
    from rich.syntax import Syntax

    assert Syntax("", language.lexer).lexer
    assert (language.lexer == "text") == (language.name == "text")


def test_nothing_belongs_to_two_languages() -> None:
    known = languages_by_name().values()
    for said_twice in (
        [ending for language in known for ending in language.extensions],
        [filename for language in known for filename in language.filenames],
        [word for it in known for word in {it.name, it.title.lower(), *it.aliases}],
    ):
        assert sorted(said_twice) == sorted(set(said_twice))


def test_a_row_of_the_table_is_this_value() -> None:
    assert languages_by_name()["c-sharp"] == Language(
        name="c-sharp",
        title="C#",
        comment=CommentSyntax("//"),
        lexer="csharp",
        aliases=("csharp",),
        extensions=(".cs", ".cake", ".cshtml", ".csx"),
        filenames=(),
        is_trained=True,
    )


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("main.py", "python"),
        ("src/a.b/main.rs", "rust"),
        ("Makefile", "makefile"),
        ("Makefile.am", "makefile"),
        ("Dockerfile.dev", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        ("notes.txt", "text"),
        ("Gemfile", "ruby"),
        ("Gemfile.lock", "text"),
        ("composer.lock", "json"),
        ("Cargo.lock", "toml"),
        (".bashrc", "shell"),
        (".emacs", "emacs-lisp"),
        (".emacs.desktop", "emacs-lisp"),
    ],
)
def test_a_whole_name_wins_over_an_ending_and_an_ending_over_a_stem(
    filename: str, name: str
) -> None:
    assert detect_language(filename) is languages_by_name()[name]


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("page.cljs.hl", "clojure"),
        ("page.html.hl", "html"),
        ("lib.rs.in", "rust"),
        ("run.sh.in", "shell"),
        ("find.cmake.in", "cmake"),
        ("guide.rest.txt", "restructuredtext"),
        ("guide.Rst.txt", "restructuredtext"),
        ("guide.de.txt", "text"),
    ],
)
def test_the_longest_ending_wins(filename: str, name: str) -> None:
    assert detect_language(filename) is languages_by_name()[name]


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("a.c", "c"),
        ("a.C", "cpp"),
        ("a.h", "c"),
        ("a.H", "cpp"),
        ("a.ml", "ocaml"),
        ("a.ML", "standard-ml"),
        ("a.Ml", "ocaml"),
        ("A.PY", "python"),
        ("analysis.R", "r"),
        ("report.Rmd", "rmarkdown"),
        ("SOLVER.F90", "fortran"),
    ],
)
def test_case_counts_first_and_is_ignored_after(filename: str, name: str) -> None:
    assert detect_language(filename) is languages_by_name()[name]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("#!/bin/sh", "shell"),
        ("#! /bin/bash -e", "shell"),
        ("#!/usr/bin/env python3", "python"),
        ("#!/usr/bin/env python3.11", "python"),
        ("#!/usr/bin/env -S node --no-warnings", "javascript"),
        ("#!/usr/bin/env -S PATH=/opt/bin:/bin ruby", "ruby"),
        ("#!/usr/bin/perl -w", "perl"),
        ("#!/usr/bin/Rscript", "r"),
        ("#!/usr/bin/awk -f", "awk"),
        ("#!/bin/csh", "tcsh"),
        ("#!/usr/bin/tclsh8.6", "tcl"),
        ("#!/usr/bin/env lua5.4", "lua"),
        ("#!/usr/bin/make -f", "makefile"),
        ("#!/usr/bin/env -S deno run", "typescript"),
        ("#!/usr/bin/env escript", "erlang"),
        ("#!/usr/bin/env pwsh\r", "powershell"),
    ],
)
def test_a_file_whose_name_says_nothing_is_known_by_its_first_line(line: str, name: str) -> None:
    assert detect_language("bin/run", f"{line}\nrest\n") is languages_by_name()[name]


def test_an_ending_wins_over_the_first_line() -> None:
    assert detect_language("run.py", "#!/bin/sh\n") is languages_by_name()["python"]


@pytest.mark.parametrize(
    ("filename", "text"),
    [
        ("run", ""),
        ("", ""),
        ("-", "print(1)\n"),
        ("a.unheard-of", ""),
        ("run", "#!"),
        ("run", "#!/usr/bin/env"),
        ("run", "#!/opt/own/program\n"),
        ("run", "first\n#!/bin/sh\n"),
        ("build", "make it so\n"),
    ],
)
def test_some_files_are_in_no_known_language(filename: str, text: str) -> None:
    assert detect_language(filename, text) is None


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("python", "python"),
        ("Python", "python"),
        ("py", "python"),
        (".py", "python"),
        ("python3", "python"),
        ("js", "javascript"),
        ("node", "javascript"),
        ("ts", "typescript"),
        ("c", "c"),
        ("C", "c"),
        ("H", "c"),
        ("c++", "cpp"),
        ("C++", "cpp"),
        ("c#", "c-sharp"),
        ("cs", "c-sharp"),
        ("csharp", "c-sharp"),
        ("F#", "f-sharp"),
        ("bash", "shell"),
        ("sh", "shell"),
        ("zsh", "shell"),
        ("golang", "go"),
        ("rs", "rust"),
        ("rb", "ruby"),
        ("kt", "kotlin"),
        ("hs", "haskell"),
        ("md", "markdown"),
        ("yml", "yaml"),
        ("latex", "tex"),
        ("docker", "dockerfile"),
        ("make", "makefile"),
        ("ML", "ocaml"),
        ("sml", "standard-ml"),
        ("objc", "objective-c"),
        ("hcl", "terraform"),
        (" plain text ", "text"),
    ],
)
def test_a_language_goes_by_many_names(word: str, name: str) -> None:
    assert find_language(word) is languages_by_name()[name]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("pyton", "unknown language: 'pyton'; did you mean `python`?"),
        ("C-Sharpe", "unknown language: 'C-Sharpe'; did you mean `c-sharp` or `f-sharp`?"),
        ("", "unknown language: ''; give a name or a file ending: `python` or `py`"),
        (
            "klingon!",
            "unknown language: 'klingon!'; give a name or a file ending: `python` or `py`",
        ),
    ],
)
def test_an_unknown_language_is_an_error_that_names_the_nearest(word: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_language(word)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("python", "made by a machine", "# made by a machine"),
        ("cpp", "made by a machine", "// made by a machine"),
        ("css", "made by a machine", "/* made by a machine */"),
        ("html", "made by a machine", "<!-- made by a machine -->"),
        ("java-server-pages", "made by a machine", "<%-- made by a machine --%>"),
        ("smalltalk", "made by a machine", '" made by a machine "'),
        ("visual-basic", "made by a machine", "' made by a machine"),
        ("python", "", "#"),
    ],
)
def test_a_comment_is_one_line_in_the_form_of_its_language(name: str, text: str, line: str) -> None:
    comment = languages_by_name()[name].comment
    assert comment is not None
    assert comment.format_line(text) == line


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("python", "a\nimport os", "# a import os"),
        ("python", "a\r\u2028\x0cb", "# a b"),
        ("css", "a*/b{}/*", "/* a b{} */"),
        ("ocaml", "a (* b", "(* a   b *)"),
        ("smalltalk", 'a"b', '" a b "'),
        ("c", "folder\\ \\", "// folder"),
    ],
)
def test_no_text_can_leave_its_comment(name: str, text: str, line: str) -> None:
    comment = languages_by_name()[name].comment
    assert comment is not None
    assert comment.format_line(text) == line


@pytest.mark.parametrize(
    ("name", "text", "block"),
    [
        ("python", "a\n    b\n\nc", "# a\n#     b\n#\n# c"),
        ("c", "a \\\nb", "// a\n// b"),
        ("css", "a */ b\n  /* c", "/*\na   b\n    c\n*/"),
        ("smalltalk", 'say "it"', '"\nsay  it \n"'),
        ("sql", "a\r\x0cb", "-- a\r\x0cb"),
    ],
)
def test_a_comment_of_several_lines_keeps_them(name: str, text: str, block: str) -> None:
    comment = find_language(name).comment
    assert comment and comment.format_block(text) == block
