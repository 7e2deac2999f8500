"""`starcoder models`: data on standard output, everything else on standard error."""

import importlib
import json
import struct
from hashlib import sha256
from pathlib import Path

import pytest

from ggufs import Parts
from hubs import searched_hub
from processes import terminal
from starcoder_cli.app.fetch import pull_missing
from starcoder_cli.catalog import CATALOG, FALLBACK_MODEL, SMALL_MODEL, find_model
from starcoder_cli.cli import main
from starcoder_cli.commands.models import app
from starcoder_cli.engines import machine
from starcoder_cli.engines.transformers.placement import Machine
from starcoder_cli.errors import (
    DataError,
    InputError,
    MachineError,
    UnavailableError,
    UsageError,
)
from starcoder_cli.models import store
from starcoder_cli.models.consent import record_agreement
from starcoder_cli.models.licences import BIGCODE
from starcoder_cli.models.transfer import DownloadedFile
from tiny import build


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one model in it that is in no catalog."""
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(tmp_path / "models"))
    # The library reads this once, at its import: loaded before, it stays online for other tests.
    importlib.import_module("huggingface_hub.constants")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    spec = find_model("owner/name/other.gguf")
    store.model_folder(spec).mkdir(parents=True)
    part = store.model_folder(spec) / "x.part"
    part.write_bytes(b"GGUF")
    return store.save_model_file(spec, DownloadedFile(part, sha256(b"GGUF").hexdigest(), "here"))


def run(*arguments: str) -> None:
    """Run `starcoder models` with these arguments."""
    app(arguments, standalone_mode=False)


@pytest.mark.parametrize("arguments", [[], ["list"]])
def test_a_pipe_gets_tabs(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(*arguments)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == (
        "qwen2.5-coder-0.5b\tabsent\t491 MB\t32768\tApache-2.0\t"
        "the small one: fills gaps and chats on any machine"
    )
    assert "starcoder\tlicence\t63 GB\t8192\tBigCode OpenRAIL-M v1\t" in out
    assert "echo\tbuilt in\t\t1048576\t\tno model: writes back the prompt it was given" in out
    assert lines[-1].startswith("owner/name/other.gguf\there\t")
    assert {line.count("\t") for line in lines} == {5}
    assert (len(lines), err) == (len(CATALOG) + 1, "")


def test_listing_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    run("list", "--json")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == {
        "name": SMALL_MODEL,
        "state": "absent",
        "summary": "the small one: fills gaps and chats on any machine",
        "parameters": "0.5B",
        "size": 491_400_064,
        "window": 32768,
        "fim": "qwen2.5-coder",
        "chat": "chatml",
        "licence": "Apache-2.0",
        "gated": False,
        "engine": "llamacpp",
        "source": "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        "path": "",
    }
    assert len(rows) == len(CATALOG) + 1


def test_showing_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    run("show", "starcoderbase-1b")
    assert capsys.readouterr() == (
        "name\tstarcoderbase-1b\n"
        "state\tlicence\n"
        "summary\tthe smallest StarCoderBase\n"
        "parameters\t1B\n"
        "size\t4550000000\n"
        "window\t8192\n"
        "fim\tstarcoder\n"
        "licence\tBigCode OpenRAIL-M v1\n"
        "gated\tTrue\n"
        "engine\thuggingface\n"
        "source\tbigcode/starcoderbase-1b\n"
        "licence_url\t"
        "https://huggingface.co/spaces/bigcode/bigcode-model-license-agreement\n"
        "terms\tuse is free of charge, commercial use too\n"
        "terms\twhoever passes the model on passes these restrictions on, too\n"
        "terms\toutput may be a copy of licensed code: then that licence holds\n"
        "restrictions\t(a) in any way that breaks the law\n"
        "restrictions\t(b) to exploit or harm minors\n"
        "restrictions\t(c) to make malware or ransomware\n"
        "restrictions\t(d) to make or spread false information in order to harm\n"
        "restrictions\t(e) to make or spread personal data in order to harm\n"
        "restrictions\t(f) to publish output without saying that a machine made it\n"
        "restrictions\t(g) to defame, disparage or harass others\n"
        "restrictions\t(h) to impersonate others\n"
        "restrictions\t(i) to decide on rights and duties by machine, undisclosed\n"
        "restrictions\t(j) to treat people badly for how they behave or seem to be\n"
        "restrictions\t(k) to exploit the weaknesses of a vulnerable group\n"
        "restrictions\t(l) to discriminate by legally protected characteristics\n"
        "restrictions\t(m) to give medical advice or interpret medical results\n"
        "restrictions\t(n) in justice, law enforcement, immigration or asylum\n"
        "duties\toutput, published: says that a machine made it (--provenance)\n"
        "duties\toutput that copies licensed code: keeps that licence (--trace)\n"
        "duties\tthe model, passed on: with the licence and all its notices\n"
        "duties\ta changed model: its files say that they were changed\n"
        "duties\ta service with it: its users are bound to the restrictions\n",
        "",
    )


def test_showing_a_model_as_json_has_the_licence_in_full(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("show", "bigcode/octocoder", "--json")
    shown = json.loads(capsys.readouterr().out)
    found = {key: shown[key] for key in ("licence", "licence_url", "terms", "restrictions")}
    assert (shown["duties"], shown["notice"]) == (list(BIGCODE.duties), "")
    assert found == {
        "licence": BIGCODE.name,
        "licence_url": BIGCODE.url,
        "terms": list(BIGCODE.terms),
        "restrictions": list(BIGCODE.restrictions),
    }


def test_a_link_is_not_cut_at_a_narrow_terminal() -> None:
    session = terminal("models", "show", FALLBACK_MODEL, columns=40)
    assert b"licence_url  https://www.apache.org/licenses/LICENSE-2.0" in session.raw


def test_a_licence_that_was_accepted_is_no_obstacle_any_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record_agreement(BIGCODE)
    run("list", "--json")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["name"]: row["state"] for row in rows if row["state"] != "absent"} == {
        "echo": "built in",
        "codegemma-2b": "licence",
        "codegemma-7b": "licence",
        "codestral-22b": "licence",
        "owner/name/other.gguf": "here",
    }


def test_path_prints_the_path_alone(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("path", "owner/name/other.gguf")
    assert capsys.readouterr() == (f"{models}\n", "")


def test_path_of_a_model_that_is_not_here() -> None:
    with pytest.raises(InputError) as caught:
        run("path", FALLBACK_MODEL)
    assert str(caught.value) == (
        "smollm2-135m is not installed; get it with: starcoder models pull smollm2-135m"
    )


def test_a_damaged_model_is_listed_as_such(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models.write_bytes(b"<html>")
    run("list")
    assert "owner/name/other.gguf\tdamaged\t" in capsys.readouterr().out
    with pytest.raises(DataError):
        run("path", "owner/name/other.gguf")


def test_removing(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("rm", "owner/name/other.gguf")
    assert capsys.readouterr() == ("", "removed owner/name/other.gguf\n")
    assert not models.parent.exists()
    with pytest.raises(InputError):
        run("rm", "owner/name/other.gguf")


def test_pulling_what_is_here_says_nothing(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("pull", "owner/name/other.gguf", "--engine", "llamacpp")
    assert capsys.readouterr() == ("", "")


def test_pulling_offline_announces_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnavailableError):
        run("pull", SMALL_MODEL, "--offline")
    assert capsys.readouterr() == ("", "")


def test_what_is_obtained(models: Path) -> None:
    assert pull_missing(find_model("owner/name/other.gguf")) == models


def test_a_name_that_is_none() -> None:
    with pytest.raises(UsageError):
        run("show", "../../etc")


def test_showing_a_folder_tells_what_its_files_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    weights = (build(Path("own")) / "model.safetensors").stat().st_size
    run("show", "./own")
    assert capsys.readouterr().out == (
        "name\t./own\nstate\there\nparameters\t34,752\n"
        f"size\t{weights}\nwindow\t128\nengine\thuggingface\n"
        f"path\t{tmp_path / 'own'}\narchitecture\tGPTBigCodeForCausalLM\n"
    )


def test_showing_a_file_tells_what_its_header_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key, value = b"general.architecture", b"llama"
    head = struct.pack("<4sIQQ", b"GGUF", 3, 0, 1)
    entry = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(value)) + value
    path = tmp_path / "mine.gguf"
    path.write_bytes((head + entry).ljust(96, b"\0"))
    run("show", str(path), "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["size"], shown["architecture"]) == ("here", 96, "llama")
    assert shown["path"] == str(path)


def test_what_a_search_finds(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with searched_hub(monkeypatch):
        assert main(["models", "search", "tiny-coder"]) == 0
        rows = capfd.readouterr()
        assert main(["models", "search", "tiny-coder", "--json"]) == 0
        records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert rows == (
        "3.1B\t\tapache-2.0, gated\t30,000\tacme/tiny-coder\n"
        "494M\t\tmit\t1,200\tacme/tiny-coder-GGUF/tiny-Q4_K_M.gguf\n",
        "",
    )
    assert records[1] == {
        "name": "acme/tiny-coder-GGUF/tiny-Q4_K_M.gguf",
        "parameters": "494M",
        "size": 0,
        "licence": "mit",
        "downloads": 1200,
        "gated": False,
        "engine": "llamacpp",
        "source": "acme/tiny-coder-GGUF/tiny-Q4_K_M.gguf",
        "state": "absent",
        "pull": "starcoder models pull acme/tiny-coder-GGUF/tiny-Q4_K_M.gguf",
    }


def test_a_file_says_its_title_and_its_tensors_what_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The title of a file in Q4_K_M may be one of the model that it was made from."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(Parts().build())
    run("show", str(path), "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["stated title"], shown["tensors"]) == ("Tiny \u241b[31m", "F32")
    assert "title" not in shown


def test_a_search_of_the_catalog(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "search", "smollm", "--offline"]) == 0
    assert capfd.readouterr() == ("135M\t98 MB\tApache-2.0\t\tsmollm2-135m\n", "")


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_a_search_without_an_answer_of_the_hub_shows_the_catalog(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert main(["models", "search", "smollm", *words]) == 69
    out, err = capfd.readouterr()
    assert "smollm2-135m" in out and out.count("\n") == 1
    assert err == (
        "error: 127.0.0.1 was not searched, only the catalog: it cannot be reached: Connection "
        "refused; try again, or leave the hub out with --offline\n"
    )
    assert main(["models", "search", "xyz"]) == 69
    assert capfd.readouterr() == ("", err)


def test_a_search_that_finds_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "search", "xyz\x1b[2J", "--offline"]) == 0
    assert capfd.readouterr() == ("", "note: no model is called 'xyz\\x1b[2J'\n")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["  "], "there is nothing to search for; name a part of a model's name"),
        (["a", "--limit", "0"], "--limit cannot be 0; give a number from 1 to 100"),
        (["a", "--limit", "101"], "--limit cannot be 101; give a number from 1 to 100"),
        ([], "missing argument 'TEXT'; see `starcoder models search --help`"),
    ],
)
def test_a_search_for_nothing(
    words: list[str], error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "search", *words]) == 2
    assert capfd.readouterr() == ("", f"error: {error}\n")


def test_a_model_becomes_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STARCODER_CONFIG", str(tmp_path / "config.toml"))
    run("use", "qwen2.5-coder-1.5b")
    assert (tmp_path / "config.toml").read_text() == 'model = "qwen2.5-coder-1.5b"\n'
    assert capsys.readouterr().err.splitlines() == [
        f"{tmp_path}/config.toml: model is qwen2.5-coder-1.5b",
        "not installed yet (1.1 GB): starcoder models pull qwen2.5-coder-1.5b",
    ]
    with pytest.raises(UsageError):
        run("use", "qwen-coder-1.5b")
    assert (tmp_path / "config.toml").read_text() == 'model = "qwen2.5-coder-1.5b"\n'


def test_a_local_model_is_the_default_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARCODER_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    run("use", "m.gguf")
    assert (tmp_path / "config.toml").read_text() == f'model = "{tmp_path}/m.gguf"\n'


def test_what_is_recommended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "find_machine", lambda: Machine((), 4 * 10**9, has_bf16=True))
    run("recommend")
    done = capsys.readouterr()
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert all(len(row) == 6 for row in rows)
    assert rows[0][:3] == ["qwen2.5-coder-1.5b", "1.1 GB", "3.2 GB"]
    assert done.err.splitlines()[-1] == (
        "recommended: qwen2.5-coder-1.5b; to make it the default: "
        "starcoder models use qwen2.5-coder-1.5b"
    )
    run("recommend", "--json")
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["name"] for record in records if record["recommended"]] == ["qwen2.5-coder-1.5b"]


def test_where_nothing_fits_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "find_machine", lambda: Machine((), 0))
    with pytest.raises(MachineError, match="no model of the catalog fits this machine"):
        run("recommend")
