"""What every source of model files shares: limits of time, errors of disks, and digests."""

import errno
import shutil
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

from starcoder_cli.catalog import format_size
from starcoder_cli.errors import UnavailableError, WriteError
from starcoder_cli.models.transfer import (
    DOWNLOAD_CHUNK_BYTES,
    call_with_timeout,
    check_disk_space,
    compute_sha256,
    run_in_background,
    translate_write_errors,
)


def test_a_call_that_hangs_is_left_behind() -> None:
    with pytest.raises(UnavailableError) as caught:
        call_with_timeout(lambda: time.sleep(5), seconds=0.01)
    assert caught.value.message == "no answer within 0 s"


def test_a_call_that_answers_is_as_if_it_was_made_here() -> None:
    assert call_with_timeout(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        call_with_timeout(lambda: 1 // 0)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whatever_ends_a_call_reaches_whoever_waits_for_it(error: type[BaseException]) -> None:
    def call() -> None:
        raise error

    assert type(run_in_background(call).exception(20)) is error


def test_a_call_in_the_background_does_not_keep_the_program_from_ending() -> None:
    assert run_in_background(lambda: threading.current_thread().daemon).result(60)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError("quota"), "quota"),
    ],
)
def test_an_error_of_the_disk_names_the_file(error: OSError, reason: str) -> None:
    with pytest.raises(WriteError) as caught, translate_write_errors(Path("/models/a.gguf")):
        raise error
    assert str(caught.value) == (
        f"cannot write /models/a.gguf: {reason}; free some space or set STARCODER_MODELS_DIR"
    )


def test_any_other_error_is_none_of_the_disk() -> None:
    with pytest.raises(ValueError, match="^other$"), translate_write_errors(Path("a")):
        raise ValueError("other")


def test_what_does_not_fit_on_the_disk_is_said_before_it_is_fetched(tmp_path: Path) -> None:
    check_disk_space(tmp_path, 0)
    needed = shutil.disk_usage(tmp_path).total + 1
    with pytest.raises(WriteError) as caught:
        check_disk_space(tmp_path, needed)
    assert caught.value.message.endswith(f" free and the download needs {format_size(needed)}")


@pytest.mark.parametrize("size", [0, 1, DOWNLOAD_CHUNK_BYTES, DOWNLOAD_CHUNK_BYTES + 1])
def test_a_digest_is_of_every_byte_and_tells_how_far_it_is(tmp_path: Path, size: int) -> None:
    data = (b"0123456789" * (size // 10 + 1))[:size]
    (tmp_path / "file").write_bytes(data)
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    assert compute_sha256(tmp_path / "file", progress) == sha256(data).hexdigest()
    steps = [*range(DOWNLOAD_CHUNK_BYTES, size, DOWNLOAD_CHUNK_BYTES), size]
    assert told == [(done, size) for done in steps if done]
