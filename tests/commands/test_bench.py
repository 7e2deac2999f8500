"""`starcoder bench`: models side by side, whatever becomes of one of them."""

import json
import os
import re
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from processes import shell, start, terminal
from serving import gone, tiny_file, until
from sites import serving
from starcoder_cli.benchmark.measure import BenchmarkMetric
from starcoder_cli.benchmark.results import BenchmarkResult, shorten_model_name
from starcoder_cli.benchmark.table import format_table
from starcoder_cli.catalog import DEFAULT_MODEL
from starcoder_cli.cli import main
from starcoder_cli.system.processes import list_children
from tinies import SPEC, pulled
from tiny import build

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
__all__ = ["tiny_file"]

SHORT = ("--prompt-tokens", "20,40", "--tokens", "4", "--runs", "2")
ENDLESS = ("--prompt-tokens", "20", "--tokens", "4", "--runs", "1000")
NUMBER = re.compile(r"\d[\d.,]*")
FIGURES = ("load", "first_token", "edited", "warm_up", "read", "write", "memory")


def measured(out: str) -> list[dict[str, object]]:
    """The objects in the lines of an output."""
    return [json.loads(line) for line in out.splitlines()]


def lines(text: str) -> list[str]:
    """The lines of a table, with N for each number and one space for each gap."""
    return [" ".join(NUMBER.sub("N", line).split()) for line in text.splitlines()]


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="needs /proc to find children"
)


def test_a_pipe_gets_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "echo", *SHORT, "--runs", "1"]) == 0
    out, err = capsys.readouterr()
    assert lines(out) == [
        "echo",
        "echo",
        "load, s N",
        "first prompt, s more N",
        "first token, N tokens, s N",
        "first token, N tokens, s N",
        "the same after an edit, s N",
        "reads, tokens/s N",
        "memory N MB",
    ]
    assert err == ""


def test_a_table_is_aligned_and_says_what_is_missing() -> None:
    first, load, memory = (
        BenchmarkMetric("first_token", 1024),
        BenchmarkMetric("load"),
        BenchmarkMetric("memory"),
    )
    one = [{load: 0.5, first: 5.0}, {load: 0.52, first: 6.0}, {load: 0.62, first: 1234.0}]
    other = [{load: 12.345, memory: 1.37e9}] * 3
    results = [
        BenchmarkResult.from_measurements("one", "llamacpp", one),
        BenchmarkResult.from_measurements("x" * 40, "huggingface", other),
    ]
    assert format_table(results).splitlines() == [
        f"                              one                ...{'x' * 27}",
        "median of 3 (least-most)      llama.cpp          huggingface",
        "load, s                       0.52 (0.50-0.62)   12.3",
        "first token, 1,024 tokens, s  6.00 (5.00-1,234)  -",
        "memory                        -                  1.4 GB",
    ]


def test_json_has_every_run_in_it(tiny_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(tiny_file), "echo", *SHORT, "--json"]) == 0
    out, err = capsys.readouterr()
    tiny, echo = measured(out)
    assert (tiny["model"], tiny["engine"], tiny["runs"]) == (str(tiny_file), "llamacpp", 2)
    assert (echo["model"], echo["engine"], echo["runs"]) == ("echo", "echo", 2)
    assert (
        {"load", "first_token", "edited", "memory"}
        <= tiny.keys()
        <= {
            *("model", "engine", "runs"),
            *FIGURES,
        }
    )
    first = tiny["first_token"]
    assert isinstance(first, dict)
    assert list(first) == ["20", "40"]
    for spread in (tiny["load"], first["20"], tiny["memory"]):
        assert isinstance(spread, dict)
        assert 0 < spread["low"] <= spread["median"] <= spread["high"]
    assert err == ""


def test_the_model_is_the_one_that_other_commands_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_MODEL", "echo")
    assert main(["bench", *SHORT, "--json"]) == 0
    assert [each["model"] for each in measured(capsys.readouterr().out)] == ["echo"]


def test_each_engine_that_can_run_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openvino", reason="needs OpenVINO, which has no wheel here")
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    pulled()
    note = (
        f"note: {SPEC.name} is not prepared for OpenVINO: `starcoder models pull {SPEC.name}` "
        "does that where it can be\n"
    )
    for flags, engines, said in (
        ([], ["llamacpp"], note),
        (["-q"], ["llamacpp"], ""),
        (["--engine", "llamacpp"], ["llamacpp"], ""),
    ):
        assert main(["bench", SPEC.name, *SHORT, "--runs", "1", "--json", *flags]) == 0
        out, err = capsys.readouterr()
        assert ([each["engine"] for each in measured(out)], err) == (engines, said)
    assert main(["models", "pull", SPEC.name]) == 0
    capsys.readouterr()
    assert main(["bench", SPEC.name, *SHORT, "--json"]) == 0
    out, err = capsys.readouterr()
    assert [each["engine"] for each in measured(out)] == ["llamacpp", "openvino"]
    assert err == ""
    assert main(["bench", SPEC.name, *SHORT, "--json", "--engine", "openvino", "-v"]) == 0
    out, err = capsys.readouterr()
    assert [each["engine"] for each in measured(out)] == ["openvino"]
    assert err == f"{SPEC.name}: OpenVINO, a window of 256 tokens\n"


def test_a_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(tmp_path, "starcoder2")
    capsys.readouterr()
    assert main(["bench", str(tmp_path), *SHORT, "--runs", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    (found,) = measured(out)
    assert (found["engine"], err) == ("huggingface", "")
    assert main(["bench", str(tmp_path), *SHORT, "--engine", "llamacpp"]) == 2
    assert capsys.readouterr() == (
        "",
        f"error: {tmp_path} is a checkpoint, which llama.cpp does not run; "
        "give --engine huggingface\n",
    )


def test_an_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    """What it was asked is new each time, so that nothing that it keeps makes it look fast."""
    with serving(pieces=("one", " two", " three")) as site:
        words = ["bench", "--endpoint", site.url, *SHORT]
        assert main([*words, "--json"]) == 0
        out, err = capsys.readouterr()
        prompts = [asked.prompt for asked in site.asked if asked.path == "/v1/completions"]
    (found,) = measured(out)
    assert (found["model"], found["engine"], err) == (site.model, "endpoint", "")
    assert {"model", "engine", "runs", "first_token", "edited"} <= found.keys()
    assert not {"load", "memory"} & found.keys()
    assert len(prompts) == 2 * 4
    fresh = [prompt for at, prompt in enumerate(prompts) if at % 4 < 3]
    assert len({prompt[:18] for prompt in fresh}) == len(fresh)


def test_an_endpoint_that_wants_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(key="secret") as site:
        assert main(["bench", "--endpoint", site.url, *SHORT, "--json"]) == 77
    out, err = capsys.readouterr()
    (failed,) = measured(out)
    assert (failed["engine"], failed["code"]) == ("endpoint", 77)
    assert err == f"error: {DEFAULT_MODEL} on endpoint: {failed['error']}\n"


def test_a_model_that_is_not_here_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path))
    assert main(["bench", "echo", "qwen2.5-coder-7b"]) == 66
    assert capsys.readouterr() == (
        "",
        "error: qwen2.5-coder-7b is not installed; run: starcoder models pull qwen2.5-coder-7b\n",
    )


def test_one_that_fails_does_not_keep_the_others_from_being_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF")
    told = f"{bad} is not a sound GGUF file: it is cut off in the header; get the file again"
    assert main(["bench", str(bad), "echo", *SHORT, "--json"]) == 65
    out, err = capsys.readouterr()
    failed, echo = measured(out)
    assert failed == {"model": str(bad), "engine": "llamacpp", "error": told, "code": 65}
    assert (echo["model"], echo["runs"]) == ("echo", 2)
    assert err == f"error: {told}\n"
    assert main(["bench", str(bad), *SHORT]) == 65
    assert capsys.readouterr() == ("", f"error: {told}\n")


def test_prompts_that_a_model_cannot_read_are_left_out(
    tiny_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", str(tiny_file), "--tokens", "4", "--runs", "2", "--json", "--prompt-tokens"]
    assert main([*words, "20,4000"]) == 0
    out, err = capsys.readouterr()
    first = measured(out)[0]["first_token"]
    assert isinstance(first, dict)
    assert list(first) == ["20"]
    assert err == (f"note: {tiny_file} reads at most 2048 tokens: longer prompts are left out\n")
    assert main([*words, "4000"]) == 65
    out, err = capsys.readouterr()
    assert err == (
        f"error: {tiny_file} on llama.cpp: it reads at most 2048 tokens; "
        "give it shorter prompts: --prompt-tokens\n"
    )
    assert [each["code"] for each in measured(out)] == [65]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (
            ("--prompt-tokens", "64,x"),
            "'64,x' is not a list of prompt lengths; give numbers of tokens: 64,256,1024",
        ),
        (("--tokens", "1"), "--tokens cannot be 1; give a number from 2 to 1000000"),
        (("--runs", "0"), "--runs cannot be 0; give a number from 1 to 1000"),
        (
            ("--picture", "a.jpeg"),
            "no picture can be drawn into a.jpeg; let its name end in .svg, .png, .pdf",
        ),
    ],
)
def test_what_has_no_meaning(
    flags: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "echo", *flags]) == 2
    assert capsys.readouterr() == ("", f"error: {told}\n")


def test_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "speed.svg"
    assert main(["bench", "echo", *SHORT, "--picture", str(path)]) == 0
    assert "<!-- seconds to the first token -->" in path.read_text()
    nowhere = tmp_path / "none" / "speed.svg"
    capsys.readouterr()
    assert main(["bench", "echo", *SHORT, "--picture", str(nowhere)]) == 73
    assert capsys.readouterr() == (
        "",
        f"error: cannot create a file {nowhere}; name one in a folder that exists\n",
    )


def test_a_terminal_gets_bars_too(tiny_file: Path) -> None:
    words = ("bench", "echo", str(tiny_file), *SHORT, "--runs", "1")
    session = terminal(*words, columns=80)
    shown = lines("\n".join(session.lines))
    path = NUMBER.sub("N", shorten_model_name(str(tiny_file)))
    at = shown.index("memory N MB N MB")
    assert shown[:2] == [f"echo {path}", "echo llama.cpp"]
    first, writes, memory = "first token, N tokens, s", "writes, tokens/s", "memory"
    bars = [re.split(" *[█▏▎▍▌▋▊▉]| N$", line)[0] for line in shown[at + 1 :]]
    echo, tiny = "echo, echo", f"{path}, llama.cpp"
    assert [line for line in bars if line] == [first, echo, tiny, writes, tiny, memory, echo, tiny]
    assert b"1 of 1: echo on echo reads 20 tokens" in session.raw
    assert session.code == 0


def test_a_narrow_terminal_gets_one_table_below_the_other(tiny_file: Path) -> None:
    words = ("bench", "echo", str(tiny_file), *SHORT, "--runs", "1")
    session = terminal(*words, columns=56)
    assert session.code == 0
    assert max(map(len, session.lines)) <= 56
    assert session.raw.decode().count("load, s") == 2
    assert session.lines[-1].endswith(" MB")


def test_a_time_limit(tiny_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", str(tiny_file), *ENDLESS, "--timeout", "1"]) == 124
    assert capsys.readouterr() == (
        "",
        "error: not done within 1 s; raise --timeout, or ask for less\n",
    )


def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    done = shell("starcoder bench echo --runs 1 | head -c 0; echo ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == (b"0\n", b"")


def test_a_closed_standard_output_is_said_at_once() -> None:
    done = shell("starcoder bench echo --runs 1000 >&-")
    assert (done.returncode, done.stderr) == (
        74,
        b"error: standard output is closed; redirect it to a file or a pipe\n",
    )


@needs_proc
def test_one_that_is_killed_is_told_and_the_others_go_on(tiny_file: Path) -> None:
    process = start("bench", str(tiny_file), "echo", *ENDLESS, "--runs", "4", "--json")

    def killed() -> bool:
        """Whether the process that measures the file was there to be killed; the others stay."""
        for child in list_children(process.pid):
            with suppress(OSError):
                if str(tiny_file).encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(child, signal.SIGKILL)
                    return True
        return False

    assert until(killed)
    out, err = process.communicate(timeout=120)
    told = (
        "its process was killed, as the system does where memory runs out; "
        "end other programs, or choose a smaller model"
    )
    failed, echo = measured(out.decode())
    assert failed == {"model": str(tiny_file), "engine": "llamacpp", "error": told, "code": 71}
    assert (echo["model"], echo["runs"]) == ("echo", 4)
    assert (process.returncode, err.decode()) == (
        71,
        f"error: {tiny_file} on llama.cpp: {told}\n",
    )


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_what_was_started_and_leaves_nothing(
    number: signal.Signals,
    tiny_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = start("bench", str(tiny_file), *ENDLESS)
    assert until(lambda: bool(list_children(process.pid)))
    begun = list_children(process.pid)
    process.send_signal(number)
    assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == -number
    assert until(lambda: all(map(gone, begun)))
    assert list(tmp_path.iterdir()) == []


@needs_proc
def test_what_was_started_ends_with_a_process_that_is_killed(tiny_file: Path) -> None:
    words = (*ENDLESS[:2], "--tokens", "1900", "--runs", "1000")
    process = start("bench", str(tiny_file), *words)
    assert until(lambda: bool(list_children(process.pid)))
    begun = list_children(process.pid)
    process.kill()
    process.communicate(timeout=60)
    assert until(lambda: all(map(gone, begun)))
