"""A licence that restricts use is shown once, asked about at a terminal, and remembered."""

import os
import signal
import sys
from pathlib import Path

import pexpect
import pytest

from processes import shown
from starcoder_cli.cli import main
from starcoder_cli.models.consent import consent_path, has_agreed, record_agreement
from starcoder_cli.models.licences import BIGCODE

NAME = "starcoder2-3b-gguf"
NOBODY = "http://127.0.0.1:9"
GETTING = f"getting {NAME} (about 1.9 GB) from second-state/StarCoder2-3B-GGUF"
UNREACHABLE = (
    f"error: cannot get {NAME} (127.0.0.1: it cannot be reached: Connection refused); "
    f"try again, to resume where it stopped: starcoder models pull {NAME}"
)
ACCEPTED = (
    "note: BigCode OpenRAIL-M v1 is accepted: "
    "https://huggingface.co/spaces/bigcode/bigcode-model-license-agreement"
)
REFUSED = "error: the licence was not accepted; `starcoder models list` shows models under others"
TEXT = """\
starcoder2-3b-gguf is under BigCode OpenRAIL-M v1, in short:
- use is free of charge, commercial use too
- whoever passes the model on passes these restrictions on, too
- output may be a copy of licensed code: then that licence holds
It is not to be used
  (a) in any way that breaks the law
  (b) to exploit or harm minors
  (c) to make malware or ransomware
  (d) to make or spread false information in order to harm
  (e) to make or spread personal data in order to harm
  (f) to publish output without saying that a machine made it
  (g) to defame, disparage or harass others
  (h) to impersonate others
  (i) to decide on rights and duties by machine, undisclosed
  (j) to treat people badly for how they behave or seem to be
  (k) to exploit the weaknesses of a vulnerable group
  (l) to discriminate by legally protected characteristics
  (m) to give medical advice or interpret medical results
  (n) in justice, law enforcement, immigration or asylum
The text that counts:
  https://huggingface.co/spaces/bigcode/bigcode-model-license-agreement
accept? [y/N]"""


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No models, and a hub that nobody answers for: what is asked of it fails at once."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", NOBODY)
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))


def pull_at_terminal(keys: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, int]]:
    """What a terminal of 24 lines shows until the question and after it; exit code and signal."""
    child: pexpect.spawn[bytes] = pexpect.spawn(
        sys.executable,
        ["-m", "starcoder_cli", "models", "pull", NAME],
        env={**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"},
        dimensions=(24, 200),
        timeout=120,
    )
    child.expect_exact(b"[y/N] ")
    before = bytes(child.before or b"") + bytes(child.after)
    child.send(keys)
    child.expect(pexpect.EOF)
    after = bytes(child.before or b"")
    child.close()
    return shown(before, 200), shown(after, 200), (child.exitstatus or 0, child.signalstatus or 0)


def test_a_yes_at_a_terminal_is_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    question, answer, code = pull_at_terminal("y\r")
    assert question == tuple(TEXT.splitlines())
    assert answer == ("y", GETTING, UNREACHABLE)
    assert code == (69, 0)
    assert main(["models", "pull", NAME]) == 69
    assert capsys.readouterr() == ("", f"{GETTING}\n{UNREACHABLE}\n")


@pytest.mark.parametrize(
    ("keys", "answer", "code"),
    [
        ("\r", ("", REFUSED), (77, 0)),
        ("yess\r", ("yess", REFUSED), (77, 0)),
        ("\x04", ("", REFUSED), (77, 0)),
        ("\x03", ("^C",), (0, signal.SIGINT)),
    ],
    ids=["enter", "another word", "end of input", "Ctrl-C"],
)
def test_anything_else_is_a_no(keys: str, answer: tuple[str, ...], code: tuple[int, int]) -> None:
    question, *rest = pull_at_terminal(keys)
    assert question == tuple(TEXT.splitlines())
    assert rest == [answer, code]
    assert not has_agreed(BIGCODE)


def test_away_from_a_terminal_a_flag_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", NAME]) == 77
    assert capsys.readouterr() == (
        "",
        f"error: {NAME} is under BigCode OpenRAIL-M v1, which has to be accepted first; "
        f"see `starcoder models show {NAME}`, then run: "
        f"starcoder models pull {NAME} --accept-license\n",
    )


def test_the_flag_is_said_once_and_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", NAME, "--accept-license"]) == 69
    assert capsys.readouterr() == ("", f"{ACCEPTED}\n{GETTING}\n{UNREACHABLE}\n")
    assert main(["models", "pull", NAME, "--accept-license"]) == 69
    assert capsys.readouterr() == ("", f"{GETTING}\n{UNREACHABLE}\n")


def test_a_repository_of_bigcode_is_under_the_same_licence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "pull", "bigcode/octocoder"]) == 77
    record_agreement(BIGCODE)
    assert main(["models", "pull", "bigcode/octocoder"]) == 69
    assert capsys.readouterr().err.splitlines()[1] == (
        "getting bigcode/octocoder (unknown size) from bigcode/octocoder"
    )


def test_other_licences_are_never_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "deepseek-coder-1.3b"]) == 69
    assert capsys.readouterr().err.startswith("getting deepseek-coder-1.3b (about 2.7 GB) from ")
    assert not consent_path().exists()


def test_offline_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", NAME, "--offline"]) == 69
    assert capsys.readouterr() == (
        "",
        f"error: {NAME} is not installed and this is offline; "
        f"with a network, run: starcoder models pull {NAME}\n",
    )


def test_without_a_place_to_remember_nothing_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("STARCODER_DATA_DIR", f"{file}/data")
    assert main(["models", "pull", NAME, "--accept-license"]) == 73
    assert capsys.readouterr() == (
        "",
        f"error: cannot create {file}/data/licences.json: Not a directory; "
        "set STARCODER_DATA_DIR to another folder\n",
    )
