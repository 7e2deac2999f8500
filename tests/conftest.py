"""What every test starts from: an empty home, no colours, no settings, no network."""

import os
import signal
import socket
from collections.abc import Callable, Generator, Iterator
from itertools import count
from pathlib import Path

import pytest

from checkpoints import checkpoint
from signal_states import signal_state
from skips import complaint, is_allowed, missing_sandbox, sandbox_report
from starcoder_cli.catalog import SMALL_MODEL, find_model
from starcoder_cli.models import wheels
from starcoder_cli.models.store import locate_model
from starcoder_cli.sandbox.detect import SANDBOX_VARIABLE, unavailable_reason
from starcoder_cli.sandbox.isolation import SandboxKind
from starcoder_cli.settings import models_dir

MODELS_DIR = models_dir()  # before any test has another home
IN_CI = "STARCODER_CI" in os.environ
GOLDEN = Path(__file__).parent / "golden"
SHARED = Path(__file__).parents[2] / "shared"
HOME_NUMBERS = count()
HOMES = (
    "HOME",
    "USERPROFILE",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
)
FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--goldens` writes the outputs that tests are compared with, instead of comparing."""
    parser.addoption("--goldens", action="store_true", help="rewrite tests/golden")


def pytest_configure() -> None:
    """What `nohup` or `&` switched off would stay off in every process that a test starts."""
    for name, action in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, action)


def pytest_report_header() -> list[str]:
    """In CI, which sandboxes the tests have."""
    return [sandbox_report()] if IN_CI else []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that is skipped for no good reason fails."""
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So does a file."""
    report = yield
    fail_if_skipped(report)
    return report


def fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a failure of what CI may not skip."""
    if IN_CI and isinstance(report.longrepr, tuple):  # where, and why it was skipped
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not is_allowed(reason):
            report.outcome, report.longrepr = "failed", complaint(report.nodeid, reason)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a file in tests/golden, as a whole."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--goldens"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"see {path}, or run `make goldens`"

    return compare


@pytest.fixture(scope="session")
def real_model() -> Path:
    """The small model's file."""
    spec = find_model(SMALL_MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STARCODER_MODELS_DIR", str(MODELS_DIR))
        path = locate_model(spec)
    if path is None:
        pytest.skip(f"needs the model: starcoder models pull {spec.name}")
    return path


@pytest.fixture(params=list(SandboxKind))
def rung(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SandboxKind:
    """The sandbox that a test's programs run in: each kind that the kernel here has."""
    here = SandboxKind(request.param)
    if reason := unavailable_reason(here):
        pytest.skip(missing_sandbox(here, reason))
    monkeypatch.setenv(SANDBOX_VARIABLE, here)
    return here


@pytest.fixture(autouse=True)
def isolated(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A home of its own, 80 plain columns, and connections to this machine only."""
    for name in [name for name in os.environ if name.startswith("STARCODER_")]:
        monkeypatch.delenv(name)
    for name in FORCED:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path_factory.getbasetemp() / f"home-{next(HOME_NUMBERS)}"
    home.mkdir()
    for name in HOMES:
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("STARCODER_MODELS_DIR", str(MODELS_DIR))
    if "real_model" in request.fixturenames:
        monkeypatch.setenv("STARCODER_MODEL", SMALL_MODEL)
    monkeypatch.setenv("CI", "1")  # no command starts a server because of a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: tuple[str, int] | str) -> None:
        """Connect to this machine; anything else fails the test."""
        here = isinstance(address, str) or address[0] in ("127.0.0.1", "::1", "localhost")
        assert here, f"a test reached for {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)


@pytest.fixture(autouse=True)
def same_signals() -> Iterator[None]:
    """A handler that a test leaves behind, or a stack for handlers, may end the process later."""
    before = signal_state()
    yield
    assert signal_state() == before


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """pip may take its time where other tests keep the processor busy."""
    monkeypatch.setattr(wheels, "PIP_START_SECONDS", 120.0)
    monkeypatch.setattr(wheels, "RESPONSE_TIMEOUT_SECONDS", 120.0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of data sets and tokenizers beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder `shared`, which is beside the checkout only")
    return SHARED


@pytest.fixture(scope="session")
def checkpoint_cache(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Where trained checkpoints stay for later runs; a temporary folder where pytest keeps none."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    return cache.mkdir("checkpoints") if cache else tmp_path_factory.mktemp("checkpoints")


@pytest.fixture(scope="session")
def starcoder_folder(shared: Path, checkpoint_cache: Path) -> Path:
    """A small GPTBigCode checkpoint that knows what is in `answers.py`."""
    return checkpoint("starcoder", shared / "data", checkpoint_cache)


@pytest.fixture(scope="session")
def starcoder2_folder(shared: Path, checkpoint_cache: Path) -> Path:
    """A small StarCoder2 checkpoint that knows what is in `answers.py`."""
    return checkpoint("starcoder2", shared / "data", checkpoint_cache)
