"""What stays of code when it is formatted anew, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starcoder_cli.attribution.tokens import (
    all_lexical_syntaxes,
    compile_token_pattern,
    lexical_syntax_of,
    tokenize_code,
    tokenize_fragment,
)
from starcoder_cli.languages import languages_by_name


def words(code: str, language: str = "python") -> list[str]:
    """The tokens of some code."""
    data = code.encode()
    return [
        data[start:end].decode()
        for start, end in tokenize_code(data, lexical_syntax_of(language)).spans
    ]


def same(one: str, other: str, language: str = "python") -> bool:
    """Whether two codes have the same tokens."""
    way = lexical_syntax_of(language)
    return tokenize_code(one.encode(), way).hashes == tokenize_code(other.encode(), way).hashes


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("a = f(b)", "a=f( b )", "python"),
        ("a = f(b)  # so", "# why\na = f(\n    b,\n)", "python"),
        ("a = 'b'", 'a = "b"', "python"),
        ("a = u'it\\'s'", 'a = "it\'s"', "python"),
        ('"""A\n  docstring."""', "''' A\n\tdocstring.\n'''", "python"),
        ("for (a, b) in c: d = (a); e()", "for a, b in c:\n    d = a\n    e()", "python"),
        ("a = 0XFF + 1E5", "a = 0xff + 1e5", "python"),
        ("class A(): pass", "class A:\n    pass", "python"),
        ("a = b + \\\n    c", "a = b + c", "python"),
        ("let a = 'b'; // c", "let a = `b` /* c */", "javascript"),
        ("int a = 1; /* b\n * c */", "int  a=1 ;", "c"),
        ("select a -- b\nfrom c", "SELECT a FROM c", "sql"),
        ("a=1 # b", "a=1", "shell"),
        ("<p class='a'>b</p><!-- c -->", '<p class="a">\n  b\n</p>', "html"),
        ("(f x) ; y", "(f\n  x)", "scheme"),
        ("rem a\necho b", "echo  b", "batchfile"),
    ],
)
def test_formatting_leaves_the_tokens_as_they_are(one: str, other: str, language: str) -> None:
    assert same(one, other, language)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a = b", "a = c"), ("a = 'b'", "a = 'c'"), ("a + b", "a - b"), ("a = 1", "a = 2")],
)
def test_other_code_has_other_tokens(one: str, other: str) -> None:
    assert not same(one, other)


def test_a_string_is_one_token_and_signs_are_one_each() -> None:
    assert words("a.b += f('c # d', 1)  # e") == [*"a.b+=f", "'c # d'", "1"]


def test_a_hash_inside_a_word_of_the_shell_is_no_comment() -> None:
    assert words("echo ${a#b} # c", "shell") == ["echo", "$", "{", "a", "#", "b", "}"]


@pytest.mark.parametrize(
    ("regex", "code"),
    [
        (r"/\/*$/", r"path = path.replace({}, '')"),
        (r"/\/\/[^/`]*/gi", "const a = {};"),
        ("/`/", "f(a,{})"),
        ("/[/*`'\"]/", "f(g(a) , {})"),
        ("/>/g", "a = b => {}"),
        ("/'/", "if (!{}.test(a)) b"),
        ('/"/', "return {}.exec(a)"),
        ("/[\\]/*]/", "[\n  {},\n]"),
        ("/[/*]/", "a ?\n\t{} : b"),
        ("/=`/u", "a = '' + {}.source"),
        ("/\\`/", "{}.test(a)"),
        ("/a b/", "switch (a) {{ case {}: b }}"),
        ("/é`/", "a && {}.test(b)"),
    ],
)
@pytest.mark.parametrize("language", ["javascript", "typescript", "groovy"])
def test_a_regular_expression_is_one_token(regex: str, code: str, language: str) -> None:
    """What follows it was a comment or a template to the end of the file."""
    text = f"{code}\nlast = 1 // 2"
    others = words(text.format("REGEX"), language)
    assert words(text.format(regex), language) == [
        regex if word == "REGEX" else word for word in others
    ]


@pytest.mark.parametrize(
    "code",
    [
        *(
            "a / b / c",
            "(a) / 2 / c",
            "a[0] / b / c",
            "a++ / b / c",
            "a\n  / b\n  / c",
            "a! / b / c",
        ),
        *("a.b(c) / d, e / f", "a /= b / c", "1 / 2 / 3", "'a' / b / c", "a.return / b / c"),
        *(
            "a! / b / c",
            "</b></i>",
            "<a b={c} /> / d",
            "{a} / {b} / {c}",
            "myreturn / b / c",
            "a > b / c",
        ),
    ],
)
def test_a_division_and_a_tag_are_no_regular_expression(code: str) -> None:
    assert words(code, "javascript").count("/") == code.count("/")


def test_go_has_no_regular_expressions_between_slashes() -> None:
    assert words("a = /b/", "go") == ["a", "=", "/", "b", "/"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("alpha # beta", "python"),
        ("alpha // beta", "javascript"),
        ("alpha -- beta", "sql"),
        ("alpha 'beta", "python"),
        ('alpha "beta', "c"),
        ("alpha 'beta\\{}gamma'", "python"),
        ("alpha = /beta", "javascript"),
    ],
)
def test_a_comment_and_a_string_end_with_the_line(line: str, language: str, end: str) -> None:
    assert words(f"{line.format(end)}{end}last", language)[-1] == "last"


@pytest.mark.parametrize("language", sorted(languages_by_name()))
def test_each_language_can_be_read(language: str) -> None:
    assert words("alpha beta", language) == ["alpha", "beta"]


@pytest.mark.parametrize(
    ("inside", "language"),
    [
        ('of a docstring.\n    """\n    alpha = beta\n', "python"),
        ("of a docstring.\n    '''\n    alpha = beta\n", "python"),
        (" * of a comment\n */\n alpha = beta;\n", "c"),
        ("of a template` + \n alpha = beta\n", "javascript"),
    ],
)
def test_code_that_begins_inside_of_a_string_or_comment(inside: str, language: str) -> None:
    data = inside.encode()
    found = [
        [data[start:end] for start, end in read.spans]
        for read in tokenize_fragment(data, lexical_syntax_of(language))
    ]
    assert any(each[-3:] == [b"alpha", b"=", b"beta"] for each in found)


@given(st.text(st.sampled_from("ab\"'`\\#/*(){}[]=,\r\n \x00\xe9-<!%;"), max_size=60))
def test_any_text_is_read_once_from_end_to_end(text: str) -> None:
    data = text.encode()
    for way in all_lexical_syntaxes():
        matches = [match.span() for match in compile_token_pattern(way).finditer(data.lower())]
        assert [0, *(end for _, end in matches)] == [*(start for start, _ in matches), len(data)]
        assert all(start < end for start, end in matches)


@pytest.mark.parametrize(
    "piece",
    ['"', "'", '\\"', "`\\`", '"""', "/*", "(*", "{-", "<!--", "a", "("]
    + ["=/", "=/[", "=/\\", "=/a[b/c", ",", "),", ", ", "= ", ";\n", "/[", "//=\n", "[/]"],
)
def test_what_is_never_closed_takes_no_time(piece: str) -> None:
    data = (piece * 20_000).encode()
    for way in all_lexical_syntaxes():
        assert tokenize_code(data, way).hashes is not None


def test_places_are_those_of_the_text() -> None:
    data = "naïve = 'é'  # ü\nb = 1\n".encode()
    read = tokenize_code(data, lexical_syntax_of("python"))
    assert [data[start:end].decode() for start, end in read.spans] == ["naïve", "=", "'é'", *"b=1"]
