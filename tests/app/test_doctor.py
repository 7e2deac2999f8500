"""What each check of `starcoder doctor` finds, and what it says is to be done."""

import logging
import sys
import tomllib
import warnings
from importlib.metadata import version
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from hubs import reachable
from starcoder_cli.app.doctor import (
    NEWEST_PYTHON,
    OLDEST_PYTHON,
    call_hub,
    folder_finding,
    format_version,
    gpu_findings,
    hub_finding,
    login_finding,
    memory_finding,
    newest_python,
    package_finding,
    python_finding,
    sandbox_finding,
    silence_output,
    torch_build,
)
from starcoder_cli.app.model_findings import Finding
from starcoder_cli.engines.transformers.placement import Accelerator, Machine
from starcoder_cli.errors import UnavailableError
from starcoder_cli.sandbox import SandboxKind

__all__ = ["reachable"]

GB = 10**9
NOWHERE = Path("/nowhere")


def test_a_package_that_is_here() -> None:
    assert package_finding("xllamacpp") == Finding("xllamacpp", "ok", version("xllamacpp"))


def test_a_package_that_is_broken_in_some_way_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_package.py").write_text("class Odd(Exception): ...\nraise Odd('why')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert package_finding("broken_package") == Finding(
        "broken_package",
        "fail",
        "cannot be imported: Odd: why",
        "reinstall it: pip install --force-reinstall broken_package",
    )


def test_a_package_that_is_not_installed_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert package_finding("torch") == Finding(
        "torch", "no", "not installed: only checkpoints on a GPU need it", "pip install torch"
    )
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    assert package_finding("xllamacpp").state == "fail"


def test_the_python_has_to_be_one_that_is_supported() -> None:
    here = f"{sys.version.split()[0]} ({sys.executable})"
    assert python_finding() == Finding("python", "ok", here)
    assert python_finding((3, 10)) == Finding(
        "python", "fail", f"{here} is too old", "install Python 3.11 or newer"
    )
    assert python_finding((3, 99)) == Finding(
        "python",
        "warn",
        f"{here} is newer than torch is built for",
        f"install Python {format_version(newest_python())}",
    )


def test_the_supported_pythons_are_those_of_the_package_and_of_torch() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={format_version(OLDEST_PYTHON)}"
    assert newest_python() >= NEWEST_PYTHON


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
    assert torch_build(torch) == text
    found = package_finding("torch")
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
    assert package_finding("bitsandbytes").state == "ok"
    module = sys.modules["bitsandbytes"].cextension
    library = module.ErrorHandlerMockBNBNativeLibrary(reason)
    library.available_versions = versions
    monkeypatch.setattr(module, "lib", library)
    assert package_finding("bitsandbytes") == Finding(
        "bitsandbytes",
        "fail",
        f"{version('bitsandbytes')} has no native library that loads here: no 8 or 4 bit on a GPU",
        remedy,
    )


def test_every_gpu_is_shown() -> None:
    devices = (
        Accelerator("cuda:0", "NVIDIA H200", 140 * GB, 150 * GB),
        Accelerator("cuda:1", "Tesla T4", 15 * GB, 16 * GB, has_bf16=False),
    )
    assert list(gpu_findings(Machine(devices, GB), NOWHERE)) == [
        Finding("gpu", "ok", "cuda:0: NVIDIA H200, 140.0 GB of 150.0 GB free", "", "cuda:0"),
        Finding("gpu", "ok", "cuda:1: Tesla T4, 15.0 GB of 16.0 GB free, no bf16", "", "cuda:1"),
    ]


def test_no_gpu_is_no_fault(tmp_path: Path) -> None:
    """But one that torch cannot use is worth a word."""
    assert list(gpu_findings(Machine((), GB), NOWHERE)) == [
        Finding("gpu", "no", "none: models run on the processor")
    ]
    assert list(gpu_findings(Machine((), GB), tmp_path)) == [
        Finding(
            "gpu",
            "warn",
            "there is an NVIDIA driver, but torch sees no GPU",
            "install a build of torch for your driver: https://pytorch.org/get-started/locally",
        )
    ]


def test_memory_says_in_what_the_processor_computes() -> None:
    assert memory_finding(Machine((), 8 * GB, has_bf16=True)) == Finding(
        "memory", "ok", "8.0 GB free; the processor computes in bf16"
    )
    assert memory_finding(Machine((), GB // 2)) == Finding(
        "memory",
        "warn",
        "0.5 GB free; the processor computes in fp32, and slowly in bf16",
        "close a program that uses a lot of memory",
    )


def test_a_folder_need_not_be_there_yet(tmp_path: Path) -> None:
    found = folder_finding("disk", tmp_path / "a" / "b", "STARCODER_MODELS_DIR")
    assert (found.check, found.text.partition(" in ")[2]) == ("disk", str(tmp_path / "a" / "b"))
    assert found.state in ("ok", "warn")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "models"
    assert folder_finding("disk", path, "STARCODER_MODELS_DIR") == Finding(
        "disk", "fail", f"{path} cannot be written", "set STARCODER_MODELS_DIR to a folder"
    )


def test_a_full_disk_is_worth_a_warning() -> None:
    """There is never room in /proc."""
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    assert folder_finding("cache", Path("/proc/sys"), "HF_HUB_CACHE").state in ("warn", "fail")


@pytest.mark.usefixtures("reachable")
def test_a_hub_that_answers() -> None:
    assert hub_finding() == Finding("hub", "ok", "127.0.0.1 answers")
    assert login_finding(reached=True) == Finding(
        "login",
        "no",
        "not logged in to the hub",
        "for models behind a licence, run `hf auth login` or set HF_TOKEN",
    )


@pytest.mark.usefixtures("reachable")
def test_a_token_that_the_hub_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    assert login_finding(reached=True) == Finding(
        "login",
        "fail",
        "cannot learn from the hub whose token it is: the hub does not take the token",
        "log in again with `hf auth login`, or unset HF_TOKEN",
    )
    assert login_finding(reached=False) == Finding(
        "login", "ok", "there is a token, which only the hub could check"
    )


def test_a_hub_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = hub_finding()
    assert (found.check, found.state, found.remedy) == (
        "hub",
        "warn",
        "check the network, the proxy and HF_ENDPOINT; installed models still work",
    )
    assert found.text.startswith("127.0.0.1: it cannot be reached: ")


def test_a_hub_that_may_not_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert hub_finding() == Finding(
        "hub", "no", "the environment forbids the network", "unset HF_HUB_OFFLINE"
    )


def test_the_sandbox_is_named_with_its_languages(rung: SandboxKind) -> None:
    found = sandbox_finding()
    assert (found.check, found.state, found.remedy) == ("sandbox", "ok", "")
    assert found.text.startswith(f"{rung}; programs in python, ")


def test_without_a_sandbox_the_way_to_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STARCODER_SANDBOX", "chroot")
    assert sandbox_finding() == Finding(
        "sandbox", "no", "STARCODER_SANDBOX is 'chroot'", "it may be bubblewrap or landlock"
    )


def test_a_call_over_the_network_answers_or_says_why_not() -> None:
    def refuse() -> str:
        raise UnavailableError("it is away", "try again")

    assert call_hub(lambda: "ada") == ("ada", "")
    assert call_hub(refuse) == ("", "it is away")


def test_what_a_package_says_at_its_import_is_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    """And only then: warnings and logs are as before afterwards, also after an error."""
    logging.disable(logging.DEBUG)
    with pytest.raises(ValueError, match="broken"), silence_output():
        warnings.warn("old", stacklevel=1)
        logging.getLogger("package").critical("loud")
        raise ValueError("broken")
    assert logging.root.manager.disable == logging.DEBUG
    logging.disable(logging.NOTSET)
    assert capfd.readouterr() == ("", "")
    with pytest.warns(UserWarning, match="new"):
        warnings.warn("new", stacklevel=1)
