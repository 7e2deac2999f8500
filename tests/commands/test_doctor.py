"""`starcoder doctor`: what is here to run models with, one line each."""

import json
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from starcoder_cli.app.doctor import (
    NEWEST,
    OLDEST,
    PACKAGES,
    Finding,
    build,
    dotted,
    folder,
    gpus,
    hub,
    login,
    memory,
    models,
    newest_python,
    package,
    python,
    sandbox,
)
from starcoder_cli.catalog import DEFAULT
from starcoder_cli.cli import main
from starcoder_cli.commands.doctor import line
from starcoder_cli.engines.transformers.architectures import SHAPES
from starcoder_cli.engines.transformers.placement import Device, Machine
from starcoder_cli.sandbox import Rung

GB = 10**9
NOWHERE = Path("/nowhere")
CHECKS = ("python", *PACKAGES, "gpu", "memory", "disk", "cache", "sandbox", "hub", "login")


class Hub(BaseHTTPRequestHandler):
    """A hub that knows every file, and one token."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:  # noqa: N802
        self.send_response(200)
        self.send_header("ETag", '"abc"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:  # noqa: N802
        known = self.headers["Authorization"] == "Bearer hf_sentinel"
        body = b'{"name": "ada"}' if known else b"{}"
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub that answers, and no token for it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty modules in place of the packages that are slow to import and not looked at further."""
    for name in ("transformers", "bitsandbytes", "xllamacpp"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    library = SimpleNamespace(lib=SimpleNamespace())
    monkeypatch.setattr(sys.modules["bitsandbytes"], "cextension", library, raising=False)


@pytest.mark.usefixtures("light", "reachable")
def test_every_check_has_its_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_sentinel")
    assert main(["doctor"]) == 0
    out, err = capsys.readouterr()
    words = [line.split()[:2] for line in out.splitlines()]
    assert [check for _, check in words] == [*CHECKS, *["model" for _ in SHAPES]]
    assert {word for word, _ in words} <= {"ok", "no", "warn"}
    assert {line[:6].strip() for line in out.splitlines()} <= {"ok", "no", "warn"}
    assert "ok    login         logged in as ada\n" in out
    assert ("sentinel" not in out, err) == (True, "")


@pytest.mark.usefixtures("light", "reachable")
def test_what_fails_is_told_by_the_exit_code_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    assert main(["doctor", "--json"]) == 1
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert [each for each in found if each["state"] == "fail"] == [
        {
            "check": "bitsandbytes",
            "state": "fail",
            "text": "cannot be imported: ModuleNotFoundError: import of bitsandbytes halted; "
            "None in sys.modules",
            "remedy": "reinstall it: pip install --force-reinstall bitsandbytes",
            "subject": "",
        }
    ]
    assert [each["subject"] for each in found if each["check"] == "model"] == list(SHAPES)
    assert err == ""


@pytest.mark.usefixtures("light", "reachable")
def test_without_torch_no_model_is_planned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["doctor"]) == 1
    out, err = capsys.readouterr()
    checks = [line.split()[1] for line in out.splitlines()]
    assert checks == [check for check in CHECKS if check not in ("gpu", "memory")]
    assert "FAIL  torch         cannot be imported: " in out
    assert err == ""


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (
            Finding("torch", "ok", "2.13.0"),
            "ok    torch         2.13.0\n",
        ),
        (
            Finding("hub", "warn", "no answer", "check the network"),
            "warn  hub           no answer; check the network\n",
        ),
        (
            Finding("bitsandbytes", "fail", "cannot be\x1b imported", "reinstall it"),
            "FAIL  bitsandbytes  cannot be␛ imported; reinstall it\n",
        ),
    ],
)
def test_a_finding_is_one_line(finding: Finding, text: str) -> None:
    assert line(finding) == text


def test_a_package_that_is_here() -> None:
    assert package("xllamacpp") == Finding("xllamacpp", "ok", version("xllamacpp"))


def test_a_package_that_is_broken_in_some_way_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_package.py").write_text("class Odd(Exception): ...\nraise Odd('why')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert package("broken_package") == Finding(
        "broken_package",
        "fail",
        "cannot be imported: Odd: why",
        "reinstall it: pip install --force-reinstall broken_package",
    )


def test_the_python_has_to_be_one_that_is_supported() -> None:
    here = f"{sys.version.split()[0]} ({sys.executable})"
    assert python() == Finding("python", "ok", here)
    assert python((3, 10)) == Finding(
        "python", "fail", f"{here} is too old", "install Python 3.11 or newer"
    )
    assert python((3, 99)) == Finding(
        "python",
        "warn",
        f"{here} is newer than torch is built for",
        f"install Python {dotted(newest_python())}",
    )


def test_the_supported_pythons_are_those_of_the_package_and_of_torch() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={dotted(OLDEST)}"
    assert newest_python() >= NEWEST


@pytest.mark.parametrize(
    ("cuda", "hip", "text"),
    [
        ("13.0", None, "built for CUDA 13.0"),
        (None, "7.1", "built for ROCm 7.1"),
        (None, None, "built without CUDA"),
    ],
)
def test_torch_says_what_it_was_built_for(cuda: str | None, hip: str | None, text: str) -> None:
    torch = ModuleType("torch")
    vars(torch)["version"] = SimpleNamespace(cuda=cuda, hip=hip)
    assert build(torch) == text
    found = package("torch")
    assert found.text.startswith(f"{version('torch')}, built ")
    assert (found.state, found.remedy) == ("ok", "")


@pytest.mark.parametrize(
    ("reason", "versions", "remedy"),
    [
        (
            "libcudart.so.13: cannot open shared object file: No such file or directory",
            ["12.8", "13.0"],
            "reinstall it: pip install --force-reinstall bitsandbytes",
        ),
        (
            "No compatible CUDA binary found at /x/libbitsandbytes_cuda140.so",
            ["12.8", "13.0"],
            "install a build of torch for one of the versions that it has: 12.8, 13.0",
        ),
        (
            "No compatible CUDA binary found at /x/libbitsandbytes_cuda140.so",
            [],
            "reinstall it: pip install --force-reinstall bitsandbytes",
        ),
    ],
)
def test_a_library_that_does_not_load_is_a_fault(
    reason: str, versions: list[str], remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bitsandbytes puts in its place what fails only where it is called."""
    assert package("bitsandbytes").state == "ok"
    module = sys.modules["bitsandbytes"].cextension
    library = module.ErrorHandlerMockBNBNativeLibrary(reason)
    library.available_versions = versions
    monkeypatch.setattr(module, "lib", library)
    assert package("bitsandbytes") == Finding(
        "bitsandbytes",
        "fail",
        f"{version('bitsandbytes')} has no native library that loads here: no 8 or 4 bit on a GPU",
        remedy,
    )


def test_every_gpu_is_shown() -> None:
    devices = (
        Device("cuda:0", "NVIDIA H200", 140 * GB, 150 * GB),
        Device("cuda:1", "Tesla T4", 15 * GB, 16 * GB, bf16=False),
    )
    assert list(gpus(Machine(devices, GB), NOWHERE)) == [
        Finding("gpu", "ok", "cuda:0: NVIDIA H200, 140.0 GB of 150.0 GB free", "", "cuda:0"),
        Finding("gpu", "ok", "cuda:1: Tesla T4, 15.0 GB of 16.0 GB free, no bf16", "", "cuda:1"),
    ]


def test_no_gpu_is_no_fault(tmp_path: Path) -> None:
    """But one that torch cannot use is worth a word."""
    assert list(gpus(Machine((), GB), NOWHERE)) == [
        Finding("gpu", "no", "none: models run on the processor")
    ]
    assert list(gpus(Machine((), GB), tmp_path)) == [
        Finding(
            "gpu",
            "warn",
            "there is an NVIDIA driver, but torch sees no GPU",
            "install a build of torch for your driver: https://pytorch.org/get-started/locally",
        )
    ]


def test_memory_says_in_what_the_processor_computes() -> None:
    assert memory(Machine((), 8 * GB, bf16=True)) == Finding(
        "memory", "ok", "8.0 GB free; the processor computes in bf16"
    )
    assert memory(Machine((), GB // 2)) == Finding(
        "memory",
        "warn",
        "0.5 GB free; the processor computes in fp32, and slowly in bf16",
        "end a program that uses much",
    )


def test_a_folder_need_not_be_there_yet(tmp_path: Path) -> None:
    found = folder("disk", tmp_path / "a" / "b", "STARCODER_MODELS_DIR")
    assert (found.check, found.text.partition(" in ")[2]) == ("disk", str(tmp_path / "a" / "b"))
    assert found.state in ("ok", "warn")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "models"
    assert folder("disk", path, "STARCODER_MODELS_DIR") == Finding(
        "disk", "fail", f"{path} cannot be written", "set STARCODER_MODELS_DIR to a folder"
    )


def test_a_full_disk_is_worth_a_warning() -> None:
    """There is never room in /proc."""
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    assert folder("cache", Path("/proc/sys"), "HF_HUB_CACHE").state in ("warn", "fail")


@pytest.mark.usefixtures("reachable")
def test_a_hub_that_answers() -> None:
    assert hub() == Finding("hub", "ok", "127.0.0.1 answers")
    assert login(reached=True) == Finding(
        "login",
        "no",
        "not logged in to the hub",
        "for models behind a licence, run `hf auth login` or set HF_TOKEN",
    )


@pytest.mark.usefixtures("reachable")
def test_a_token_that_the_hub_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    assert login(reached=True) == Finding(
        "login",
        "fail",
        "the hub was asked whose the token is: the hub does not take the token",
        "log in again with `hf auth login`, or unset HF_TOKEN",
    )
    assert login(reached=False) == Finding(
        "login", "ok", "there is a token, which only the hub could check"
    )


def test_a_hub_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = hub()
    assert (found.check, found.state, found.remedy) == (
        "hub",
        "warn",
        "check the network, the proxy and HF_ENDPOINT; models that are here still work",
    )
    assert found.text.startswith("127.0.0.1: it cannot be reached (")


def test_a_hub_that_may_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert hub() == Finding(
        "hub", "no", "the environment forbids the network", "unset HF_HUB_OFFLINE"
    )


def test_models_that_fit_and_those_that_do_not() -> None:
    there = Machine((Device("cuda:0", "RTX", 5 * GB, 8 * GB),), 11 * GB)
    found = {each.subject: each for each in models(there)}
    assert list(found) == list(SHAPES)
    assert found["starcoder2-3b"] == Finding(
        "model",
        "ok",
        "starcoder2-3b: 8 bit on cuda:0 (RTX), needs 4.1 GB of 5.0 GB free; bf16 would need 7.0 GB",
        subject="starcoder2-3b",
    )
    assert found["starcoder"] == Finding(
        "model",
        "no",
        "starcoder needs 32.1 GB in bf16, 17.0 GB in 8 bit or 10.3 GB in 4 bit, and there are "
        "5.0 GB free on cuda:0 and 11.0 GB of free memory",
        "`--quantize 4bit` fits in memory, but is slow",
        subject="starcoder",
    )
    assert found["starcoder2-15b"].remedy == "starcoderbase-3b fits here"
    assert all(each.remedy for each in found.values() if each.state == "no")


def test_where_no_starcoder_fits_the_default_model_does() -> None:
    found = list(models(Machine((), GB // 2)))
    assert {(each.state, each.remedy) for each in found} == {("no", f"{DEFAULT} fits here")}


def test_the_sandbox_is_named_with_its_languages(rung: Rung) -> None:
    found = sandbox()
    assert (found.check, found.state, found.remedy) == ("sandbox", "ok", "")
    assert found.text.startswith(f"{rung}; programs in python, ")


def test_without_a_sandbox_the_way_to_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_SANDBOX", "chroot")
    assert sandbox() == Finding(
        "sandbox", "no", "STARCODER_SANDBOX is 'chroot'", "it may be bubblewrap or landlock"
    )
