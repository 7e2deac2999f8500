"""TOML from anybody: what is not worth its reader's memory is refused before it is read."""

import subprocess
import sys

import pytest

from starcoder_cli.errors import MalformedError
from starcoder_cli.system.bounded_toml import MAX_KEY_PARTS, MAX_TOML_BYTES, parse_toml

LONG = "a." * 5000 + "b"
TOO_LONG_KEY = f"^it has a key of more than {MAX_KEY_PARTS} parts$"


def test_tables_and_values() -> None:
    assert parse_toml(b"a.b.c = 1\n[d]\ne = 'x.y'\n") == {
        "a": {"b": {"c": 1}},
        "d": {"e": "x.y"},
    }


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"{LONG} = 1",
            f"[{LONG}]",
            f"[[{LONG}]]",
            f"x = {{{LONG} = 1}}",
            f"x = [{{{LONG} = 1}}]",
        ),
        *("'a' . " * 20 + "b = 1", '"a b".' * 20 + "b = 1", '"\\"".' * 20 + "b = 1"),
        f'x = """a"""""\n{LONG} = 1',
        f"x = ''''''\n{LONG} = 1",
        f'x = "\\""\n{LONG} = 1',
        f"x = 'a' # '\n{LONG} = 1",
        f'x = """\\""""\n{LONG} = 1',
    ],
)
def test_a_key_of_many_parts_is_refused_wherever_it_stands(text: str) -> None:
    with pytest.raises(MalformedError, match=TOO_LONG_KEY):
        parse_toml(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        *(f"x = '{LONG}'", f'x = "{LONG}"', f'x = """\n{LONG}\n"""', f"x = 1 # {LONG}"),
        *("x = [" + "1.5, " * 1000 + "]", "x = [" + "'a.b', " * 1000 + "]"),
        ".".join("a" * MAX_KEY_PARTS) + " = 1",
        "".join(f"[t{number}.a]\nb.c = 1.5\n" for number in range(1000)),
    ],
)
def test_dots_elsewhere_are_none_of_a_key(text: str) -> None:
    assert parse_toml(text.encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"#" * (MAX_TOML_BYTES + 1), "it is larger than 256 KiB"),
        (b"x = " + b"[" * 5000, "it is nested too deeply"),
        (b"x = " + b"{a = " * 5000, "it is nested too deeply"),
        (b"x = " + b"1" * 5000, "its TOML is broken"),
        (b"x = '\xff'", "its TOML is broken"),
        (b"x = '''a", "its TOML is broken"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedError, match=f"^{reason}$"):
        parse_toml(data)


def test_no_file_takes_much_memory() -> None:
    """Each kind of thing that TOML can repeat, as often as the file's size allows."""
    script = f"""if True:
        import resource
        from starcoder_cli.system.bounded_toml import MAX_TOML_BYTES, parse_toml
        from starcoder_cli.errors import MalformedError

        resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
        key = ".".join("k" * ({MAX_KEY_PARTS} - 1))
        for unit in (key + ".%d = 1\\n", "[" + key + ".%d]\\n", "[[a]]\\n", "x%d = [{{}}]\\n"):
            count = MAX_TOML_BYTES // len(unit)
            text = "".join(unit % n if "%" in unit else unit for n in range(count + 1))
            try:
                parse_toml(text[: text.rindex("\\n", 0, MAX_TOML_BYTES)].encode())
            except MalformedError as error:
                print(error)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
