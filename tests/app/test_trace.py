"""`starcoder trace --portrait`: what is sent, what is said, and what goes wrong."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from portraits import Service, endless, hang_up, knowing
from processes import terminal
from sites import Fault, body, status
from starcoder_cli.cli import main
from starcoder_cli.settings import config_file

KNOWN = "def largest(values):\n    return max(values, key=abs)  # as it was\n"
CODE = f"import sys\n\n{KNOWN}\nprint(largest(sys.argv))\n"
LIMITS = (
    "it asks a Bloom filter, so a match may be wrong, and nothing shorter than 50 characters "
    "is found"
)
NO_INDEX = "note: there is no index\n"

Streams = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with `a.py` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text(CODE)
    return tmp_path


@pytest.fixture
def service() -> Iterator[Service]:
    """A service that knows a part of `a.py`."""
    with knowing(f"x{KNOWN}") as here:
        yield here


def configure(text: str) -> None:
    """Write the configuration file."""
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text(text)


def trace(streams: Streams, service: Service, *words: str) -> tuple[int, str, str]:
    """Ask the service: exit code, standard output and error, its port left out."""
    code = main(["trace", *words, "--portrait", "--portrait-url", service.url])
    out, err = streams.readouterr()
    host = service.url.removeprefix("http://")
    return code, out.replace(host, "HOST"), err.replace(host, "HOST")


def test_what_a_link_out_of_a_repository_leads_to_is_said(
    folder: Path, service: Service, capsys: Streams
) -> None:
    (folder / "repository" / ".git").mkdir(parents=True)
    (folder / "repository" / "link.py").symlink_to(folder / "a.py")
    said = trace(capsys, service, "repository/link.py")[2]
    assert f"by a link, to {folder / 'a.py'}, which is read\n" in said
    assert "which is read" not in trace(capsys, service, "a.py")[2]


def test_what_is_sent_is_said_before_and_what_is_found_is_a_line(
    service: Service, capsys: Streams
) -> None:
    assert trace(capsys, service, "a.py") == (
        0,
        "3-4\t\t61.2%\tThe Stack\t\tHOST\tunknown\n",
        f"note: sending {len(CODE)} characters of a.py to HOST, in 1 request\n"
        f"note: HOST{LIMITS.removeprefix('it')}\n{NO_INDEX}",
    )
    assert service.documents == [CODE]
    (asked,) = service.asked
    assert asked.body.keys() == {"document"}
    assert asked.headers.keys() == {
        *("Host", "Accept", "Accept-Encoding", "Connection", "User-Agent"),
        *("Content-Length", "Content-Type"),
    }


def test_nothing_is_sent_unasked(service: Service, capsys: Streams) -> None:
    code = main(["trace", "a.py", "--portrait-url", service.url])
    assert (code, service.asked) == (66, [])
    assert "there is no index at " in capsys.readouterr().err


def test_a_range_alone_is_sent(service: Service, capsys: Streams) -> None:
    assert trace(capsys, service, "a.py:3-4", "-q") == (
        *(0, "3-4\t\t100.0%\tThe Stack\t\tHOST\tunknown\n", ""),
    )
    assert service.documents == [KNOWN.removesuffix("\n")]


def test_json_has_its_limits_too(service: Service, capsys: Streams) -> None:
    code, out, _ = trace(capsys, service, "a.py", "--json")
    start = CODE.index(KNOWN)
    span = {"start": start, "end": start + len(KNOWN), "first": 3, "last": 4}
    assert (code, json.loads(out)) == (
        0,
        {
            **{"file": "a.py", "line": 1, "share": 0.0, "licences": [], "matches": []},
            "portrait": {"host": "HOST", "spans": [span], "limits": LIMITS},
        },
    )


def test_the_index_is_asked_as_well(service: Service, capsys: Streams) -> None:
    Path("known").mkdir()
    Path("a.py").write_text(f"{CODE}print([abs(each) for each in range(20) if each % 2])\n")
    Path("known/b.py").write_text(Path("a.py").read_text())
    assert main(["index", "add", "known", "--license", "MIT"]) == 0
    capsys.readouterr()
    code, out, err = trace(capsys, service, "a.py")
    assert code == 0
    assert [row.split("\t")[3] for row in out.splitlines()] == ["known", "The Stack"]
    assert NO_INDEX not in err


def test_nothing_found(capsys: Streams) -> None:
    with knowing() as nothing:
        assert trace(capsys, nothing, "a.py") == (
            0,
            "",
            f"note: sending {len(CODE)} characters of a.py to HOST, in 1 request\n"
            f"note: HOST finds nothing; {LIMITS}\n{NO_INDEX}",
        )


def test_a_short_text_is_not_sent(service: Service, capsys: Streams) -> None:
    Path("a.py").write_text("a = 1\n" + "\n" * 80)
    assert trace(capsys, service, "a.py") == (
        *(0, ""),
        f"note: HOST knows nothing below 50 characters: nothing was sent\n{NO_INDEX}",
    )
    assert service.asked == []


def test_at_a_terminal(service: Service) -> None:
    session = terminal("trace", "a.py", "--portrait", "--portrait-url", service.url)
    host = service.url.removeprefix("http://")
    assert f"lines 3-4, {len(KNOWN)} characters".encode() in session.raw
    assert f"  perhaps in The Stack, as {host} says".encode() in session.raw


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            f"{CODE}key = 'ghp_{'a1B2' * 9}'\n",
            "error: a.py seems to hold a secret in line 7: nothing was sent; name a range without "
            "it\n",
        ),
        ("x = 1\n" * 20_000, "error: 120,000 characters are too many for --portrait; name a range "
         "of 100,000 at most\n"),
    ],
)  # fmt: skip
def test_what_is_never_sent(text: str, wrong: str, service: Service, capsys: Streams) -> None:
    Path("a.py").write_text(text)
    code, out, err = trace(capsys, service, "a.py")
    assert (out, err, service.asked) == ("", wrong, [])
    assert code in (2, 77)


@pytest.mark.parametrize("setting", ["flag", "variable", "file"])
def test_offline_excludes_it(
    setting: str, capsys: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not a service on this machine. A connection to anywhere else fails the test."""
    if setting == "variable":
        monkeypatch.setenv("STARCODER_OFFLINE", "1")
    elif setting == "file":
        configure("offline = true\n")
    words = ["--offline"] if setting == "flag" else []
    assert main(["trace", "a.py", "--portrait", *words]) == 2
    assert capsys.readouterr() == (
        "",
        "error: --offline does not allow asking stack.dataportraits.org; omit --portrait\n",
    )
    with knowing() as here:
        assert trace(capsys, here, "a.py", *words)[0] == 0


def test_the_configuration_may_ask_for_it(service: Service, capsys: Streams) -> None:
    configure(f'[trace]\nportrait = true\nportrait_url = "{service.url}"\n')
    assert main(["trace", "a.py", "-q"]) == 0
    assert "The Stack" in capsys.readouterr().out
    assert service.documents == [CODE]


@pytest.mark.parametrize(
    ("fault", "code", "wrong"),
    [
        (status(500), 69, "HOST: it answers with status 500; try again later"),
        (status(404), 69, "HOST: it answers with status 404; try again later"),
        (status(429), 75, "HOST is busy (status 429); try again in a moment"),
        (
            status(307, Location="http://127.0.0.1:9/elsewhere"),
            76,
            "HOST redirects to 'http://127.0.0.1:9/elsewhere', which is not followed; give the "
            "address that it has now with --portrait-url",
        ),
        *(
            (
                body(text),
                76,
                f"HOST does not answer as a membership service does: {why}; try again later",
            )
            for text, why in (
                ("", "its JSON is broken"),
                ("<html>", "its JSON is broken"),
                ("[]", "its JSON is not an object"),
                ("[" * 100_000, "it is nested too deeply"),
                ("{}", "it has no list of spans"),
                ('{"spans": [[0, 9999]]}', "it has a span that is none of the text"),
                ('{"spans": [[NaN, 1]]}', "NaN is not JSON"),
            )
        ),
        (endless, 76, "HOST does not stop answering; try again later"),
        (hang_up, 69, "HOST cannot be reached: Server disconnected without sending a response.; "
         "try again later"),
    ],
)  # fmt: skip
def test_bad_answers(fault: Fault, code: int, wrong: str, capsys: Streams) -> None:
    with knowing(faults=(fault,)) as here:
        assert trace(capsys, here, "a.py", "-q") == (code, "", f"error: {wrong}\n")
        assert len(here.asked) == 1


def test_nobody_there(capsys: Streams) -> None:
    with knowing() as gone:
        pass
    code, out, err = trace(capsys, gone, "a.py", "-q")
    assert (code, out) == (69, "")
    assert err.startswith("error: HOST cannot be reached: ")
