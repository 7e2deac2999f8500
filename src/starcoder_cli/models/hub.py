"""Download one file from the Hugging Face hub, resuming an interrupted transfer.

`hf_hub_download` discards a partial file when interrupted, and retries for 23 s if the hub cannot
be reached. So the file is streamed here, with the library's own session, which uses the user's
endpoint, token, proxies and certificates.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import RefusedError, StarcoderError, UnavailableError
from starcoder_cli.models.transfer import (
    DOWNLOAD_CHUNK_BYTES,
    RESPONSE_TIMEOUT_SECONDS,
    DownloadedFile,
    Progress,
    call_with_timeout,
    check_disk_space,
    max_file_bytes,
    room_for_more,
    too_large_error,
    translate_write_errors,
)
from starcoder_cli.net.clients import describe_proxy
from starcoder_cli.system.foreign import ForeignError, foreign_errors

if TYPE_CHECKING:
    from httpx2 import Response

HUB_STALL_SECONDS = 30.0
"""Seconds that a transfer may stall before it is retried."""

MAX_IDLE_TRIES = 3
"""Maximum consecutive tries without any progress."""


@dataclass(frozen=True)
class RemoteFile:
    """A file as the hub describes it; `sha256` is empty if the hub does not state one.

    `size` is 0 if the hub does not state it. A file may have at most `max_bytes`; 0 means as many
    as the disk has room for.
    """

    url: str
    size: int
    sha256: str
    blob_name: str
    max_bytes: int = 0


def hub_url() -> str:
    """The hub's address: https://huggingface.co, or the value of HF_ENDPOINT."""
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")


def hub_host() -> str:
    """The hub's host name, without user or password."""
    from urllib.parse import urlsplit

    return urlsplit(hub_url()).hostname or "the hub"


def fetch_from_hub(spec: ModelSpec, folder: Path, progress: Progress) -> DownloadedFile:
    """Download a model's file into `folder` under a temporary name, resuming if possible.

    Raises UnavailableError with the reason, RefusedError if a licence must be accepted first,
    WriteError if there is no room.
    """
    silence_hub_library()
    remote = call_with_timeout(lambda: fetch_file_metadata(spec))
    if spec.sha256 and remote.size and remote.size != spec.size:
        raise UnavailableError(f"it offers {remote.size} bytes in place of {spec.size}")
    part = folder / f"{remote.blob_name}.part"
    check_disk_space(folder, remote.size - _file_size(part))
    download_resumably(remote, part, progress)
    return DownloadedFile(part, spec.sha256 or remote.sha256, f"{hub_host()}/{spec.repository}")


def silence_hub_library() -> None:
    """Keep the library's bars and advice off the terminal, and its telemetry off the network."""
    import logging

    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import disable_progress_bars

    constants.HF_HUB_DISABLE_TELEMETRY = True
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def fetch_file_metadata(spec: ModelSpec) -> RemoteFile:
    """The hub's metadata for a model's file, or for its configuration."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    file = spec.file or "config.json"
    url = hf_hub_url(
        spec.repository,
        file,
        revision=spec.revision,
        endpoint=hub_url(),
        repo_type=spec.repository_type,
    )
    with translate_hub_errors(spec):
        metadata = get_hf_file_metadata(url, timeout=RESPONSE_TIMEOUT_SECONDS)
    etag = metadata.etag or ""
    blob_name = re.sub("[^0-9A-Za-z]", "", etag)[:64]
    if metadata.commit_hash is None or not blob_name:
        raise UnavailableError("what answers there is not a hub")
    sha256 = etag if re.fullmatch("[0-9a-f]{64}", etag) else ""
    size, most = max(metadata.size or 0, 0), max_file_bytes(spec, file)
    if most and size > most:
        raise too_large_error(file, most)
    return RemoteFile(url, size, sha256, blob_name, most)


@contextmanager
def translate_hub_errors(spec: ModelSpec) -> Iterator[None]:
    """Translate the library's exceptions into our errors in this context."""
    try:
        with foreign_errors():
            yield
    except ForeignError as error:  # a malformed answer makes the library raise anything
        raise translate_hub_error(error.cause, spec) from error.cause


def translate_hub_error(error: Exception, spec: ModelSpec) -> StarcoderError:
    """Translate an error of the library into ours."""
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        has_token = "Authorization" in error.response.request.headers
        if isinstance(error, GatedRepoError) or (spec.gated and status in (401, 403, 404)):
            return gated_repository_error(spec, status, has_token)
        if status == 404 or (status == 401 and not has_token):
            return UnavailableError(f"it has no {spec.repository}, or no such file there")
    return describe_hub_failure(error)


def describe_hub_failure(error: Exception) -> UnavailableError:
    """Why a request to the hub got no usable answer."""
    from httpx2 import ConnectError, TimeoutException
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status == 401 and "Authorization" in error.response.request.headers:
            return UnavailableError("it does not accept the token; see `hf auth login`, HF_TOKEN")
        return UnavailableError(f"it answered with status {status}")
    if isinstance(error, TimeoutException):
        return UnavailableError(f"no answer within {RESPONSE_TIMEOUT_SECONDS:.0f} s")
    proxy = describe_proxy(hub_url())
    if isinstance(error, ConnectError):
        reason = re.sub(r"^\[Errno -?[0-9]+\] ", "", str(error))
        return UnavailableError(f"it cannot be reached{proxy}: {reason}")
    return UnavailableError(f"the transfer failed{proxy}: {type(error).__name__}")


def gated_repository_error(spec: ModelSpec, status: int, has_token: bool) -> RefusedError:
    """How to get a model that requires accepting its licence on the hub.

    The hub answers 401 without a login and to an invalid token, 403 to an account that has not
    accepted and to a token that may not read such models.
    """
    page = f"{hub_url()}/{spec.repository}"
    if not has_token:
        message = f"the licence of {spec.repository} has to be accepted on the hub first"
        steps = f"1. open {page} and accept it, 2. log in with `hf auth login` or set HF_TOKEN"
    elif status == 401:
        message = f"the hub does not accept the token, and {spec.repository} needs one"
        steps = (
            f"1. open {page} and accept the licence, "
            "2. log in again with `hf auth login`, or fix HF_TOKEN, which wins over it"
        )
    else:
        message = f"the hub does not give the token's account access to {spec.repository}"
        steps = (
            f"1. open {page} with that account and accept the licence, "
            f"2. check at {hub_url()}/settings/tokens that the token may read gated repositories"
        )
    return RefusedError(message, f"{steps}, 3. run: starcoder models pull {spec.name}")


class InterruptedTransferError(UnavailableError):
    """A transfer that ended early; resuming it may help."""


def download_resumably(remote: RemoteFile, part: Path, progress: Progress) -> None:
    """Download until the file is complete; give up after a few tries without progress.

    What a partial file already holds is not fetched again.
    """
    import time

    idle_tries = 0
    while True:
        previous_size = _file_size(part)
        if remote.size and previous_size >= remote.size:
            return progress(previous_size, remote.size)
        failure = InterruptedTransferError("it sends fewer bytes than it announced")
        try:
            _append_stream(remote, part, progress)
            if not remote.size:
                return None
        except InterruptedTransferError as error:
            failure = error
        idle_tries = 0 if _file_size(part) > previous_size else idle_tries + 1
        if idle_tries == MAX_IDLE_TRIES:
            raise failure
        time.sleep(idle_tries)


def _append_stream(remote: RemoteFile, part: Path, progress: Progress) -> None:
    """Append what the hub sends, from where the file ends now."""
    from httpx2 import HTTPError

    response = call_with_timeout(lambda: _open_response(remote, part))
    try:
        with (
            translate_write_errors(part),
            part.open("ab" if response.status_code == 206 else "wb") as file,
        ):
            done = file.tell()
            most = remote.size or remote.max_bytes or done + room_for_more(part.parent)
            for chunk in response.iter_bytes(DOWNLOAD_CHUNK_BYTES):
                done += len(chunk)
                if done > most and remote.size:
                    raise UnavailableError("it sends more bytes than it announced")
                if done > most:
                    part.unlink()
                    raise too_large_error(remote.url.rpartition("/")[2], most)
                file.write(chunk)
                progress(done, remote.size)
    except HTTPError as error:
        raise InterruptedTransferError(f"the transfer broke off: {type(error).__name__}") from error
    finally:
        response.close()


def _open_response(remote: RemoteFile, part: Path) -> "Response":
    """The response to a request for the missing part, its body still unread."""
    from httpx2 import HTTPError, Timeout
    from huggingface_hub import get_session
    from huggingface_hub.utils import (  # type: ignore[attr-defined] # documented, not listed
        build_hf_headers,
    )

    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if start := _file_size(part):
        headers["Range"] = f"bytes={start}-"
    client = get_session()
    request = client.build_request(
        "GET",
        remote.url,
        headers=headers,
        timeout=Timeout(RESPONSE_TIMEOUT_SECONDS, read=HUB_STALL_SECONDS),
    )
    try:
        response = client.send(request, stream=True, follow_redirects=True)
    except HTTPError as error:
        raise InterruptedTransferError(f"the transfer failed: {type(error).__name__}") from error
    problem = _response_error(response, start)
    if problem is None:
        return response
    response.close()
    if response.status_code == 416:  # what is here is not the beginning of what is there
        part.unlink(missing_ok=True)
    raise problem


def _response_error(response: "Response", start: int) -> UnavailableError | None:
    """Why a response is not the bytes from `start` on; None if it is."""
    status = response.status_code
    if status == 416 or status == 429 or status >= 500:
        return InterruptedTransferError(f"it answered with status {status}")
    if status not in (200, 206):
        return UnavailableError(f"it answered with status {status}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        return UnavailableError("it answered with a web page in place of the file")
    starts_there = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    if status == 206 and not starts_there:
        return UnavailableError("it sent another part of the file than was asked for")
    return None


def _file_size(part: Path) -> int:
    """The number of bytes that are here already."""
    return part.stat().st_size if part.exists() else 0
