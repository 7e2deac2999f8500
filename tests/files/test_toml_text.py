"""A key of a TOML file found, set and taken out, with everything else kept."""

import tomllib
from types import SimpleNamespace

import pytest

from starcoder_cli.errors import DataError
from starcoder_cli.files import toml_text
from starcoder_cli.files.toml_text import find_key_line, with_key, without_key

WHOLE = """\
# mine
model = 'a' # the small one
stop = [
    'x', # one
]

# for holes
[fill]
max_tokens = 1
# lang = 'c'

# for talks
[chat]
quiet = true
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("model",), 2),
        (("stop",), 3),
        (("fill",), 8),
        (("fill", "max_tokens"), 9),
        (("chat", "quiet"), 14),
        (("chat", "max_tokens"), 1),
        (("model", "name"), 1),
    ],
)
def test_the_line_of_a_key(keys: tuple[str, ...], line: int) -> None:
    assert find_key_line(WHOLE, keys) == line


def test_the_line_of_a_key_behind_many_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line was read with all before it: thousands of them took minutes."""
    read: list[int] = []

    def loads(text: str) -> dict[str, object]:
        read.append(len(text))
        return tomllib.loads(text)

    text = "".join(f"a{number} = 1\n" for number in range(5000)) + "[fill]\nlang = 'c'\n"
    monkeypatch.setattr(toml_text, "tomllib", SimpleNamespace(loads=loads))
    assert find_key_line(text, ("fill", "lang")) == 5002
    assert find_key_line(text, ("a17",)) == 18
    assert sum(read) < 40 * len(text)


@pytest.mark.parametrize(
    ("keys", "value", "old", "new"),
    [
        (("model",), "b", "model = 'a' #", 'model = "b" #'),
        (("stop",), ["y"], "[\n    'x', # one\n]", '["y"]'),
        (("fill", "max_tokens"), 2, "max_tokens = 1", "max_tokens = 2"),
        (("seed",), 7, "]\n\n# for holes", "]\nseed = 7\n\n# for holes"),
        (("fill", "raw"), True, "# lang = 'c'\n", "# lang = 'c'\nraw = true\n"),
        (("chat", "raw"), True, "quiet = true\n", "quiet = true\nraw = true\n"),
        (("edit", "raw"), True, "quiet = true\n", "quiet = true\n\n[edit]\nraw = true\n"),
        (
            ("endpoints", "a b", "url"),
            "u",
            "quiet = true\n",
            'quiet = true\n\n[endpoints."a b"]\nurl = "u"\n',
        ),
    ],
)
def test_a_key_is_set_and_nothing_else_changes(
    keys: tuple[str, ...], value: object, old: str, new: str
) -> None:
    assert WHOLE.count(old) == 1
    assert with_key(WHOLE, keys, value) == WHOLE.replace(old, new)
    windows = WHOLE.replace("\n", "\r\n")
    assert with_key(windows, keys, value) == WHOLE.replace(old, new).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("before", "keys", "after"),
    [
        ("", ("a",), "a = 1\n"),
        ("", ("t", "a"), "[t]\na = 1\n"),
        ("b = 2", ("a",), "b = 2\na = 1\n"),
        ("# words", ("a",), "# words\na = 1\n"),
        ("[t]", ("t", "a"), "[t]\na = 1\n"),
        ("[t]\nb = 2\n", ("a",), "a = 1\n\n[t]\nb = 2\n"),
        ("# of t\n[t]\n", ("a",), "a = 1\n\n# of t\n[t]\n"),
        ("t.b = 2\n", ("t", "a"), "t.b = 2\nt.a = 1\n"),
        ("t = {b = 2}\n", ("t", "a"), "t = {b = 2,a = 1}\n"),
        ('s = """\n[t]\n"""\n', ("a",), 's = """\n[t]\n"""\na = 1\n'),
        ("s = [\n[1],\n]\n[t]\n[u]\n", ("t", "a"), "s = [\n[1],\n]\n[t]\na = 1\n\n[u]\n"),
        ("[[l]]\nb = 2\n", ("a",), "a = 1\n\n[[l]]\nb = 2\n"),
    ],
)
def test_where_a_new_key_comes(before: str, keys: tuple[str, ...], after: str) -> None:
    assert with_key(before, keys, 1) == after


@pytest.mark.parametrize(
    ("text", "keys", "error"),
    [
        ("[t]\n", ("t",), "t is a table there; name a key in it"),
        ("[[t]]\n", ("t",), "t is a table there; name a key in it"),
        ("t = 1\n", ("t", "a"), "t is a value there, not a table; run: starcoder config unset t"),
        (
            "[t]\nu = 1\n",
            ("t", "u", "a"),
            "t.u is a value there, not a table; run: starcoder config unset t.u",
        ),
    ],
)
def test_no_table_makes_way(text: str, keys: tuple[str, ...], error: str) -> None:
    with pytest.raises(DataError) as raised:
        with_key(text, keys, 1)
    assert str(raised.value) == error


@pytest.mark.parametrize(
    ("keys", "line"),
    [(("model",), "model = 'a' # the small one\n"), (("fill", "max_tokens"), "max_tokens = 1\n")],
)
def test_a_key_is_taken_out_and_nothing_else(keys: tuple[str, ...], line: str) -> None:
    assert without_key(WHOLE, keys) == WHOLE.replace(line, "")


def test_a_text_that_would_say_something_else_is_not_written() -> None:
    """A line of a text that looks like a comment is no part of the next table."""
    text = "s = '''\n# a '''\n[t]\n"
    assert tomllib.loads(text) == {"s": "# a ", "t": {}}
    with pytest.raises(DataError, match="its TOML is too unusual to change; change it by hand"):
        with_key(text, ("a",), 1)
