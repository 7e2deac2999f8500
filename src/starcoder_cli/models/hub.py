"""One file from the Hugging Face hub, resumed where an earlier try broke off.

`hf_hub_download` throws away what it has when it is interrupted, and retries for 23 s where the
hub cannot be reached. So the file is streamed here, with the library's own session: its endpoint,
token, proxies and certificates are the user's.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starcoder_cli.catalog import ModelSpec
from starcoder_cli.errors import RefusedError, StarcoderError, UnavailableError
from starcoder_cli.models.transfer import (
    CHUNK,
    REACH,
    Arrival,
    Progress,
    bounded,
    check_room,
    saving,
)

if TYPE_CHECKING:
    from httpx2 import Response

STALL = 30.0
"""How many seconds a transfer may stand still before it is taken up again."""

TRIES = 3
"""How many tries in a row may bring nothing."""


@dataclass(frozen=True)
class Remote:
    """A file as the hub describes it; `sha256` is empty where the hub does not state one."""

    url: str
    size: int
    sha256: str
    name: str


def endpoint() -> str:
    """The hub's address: https://huggingface.co, or what HF_ENDPOINT names."""
    from huggingface_hub import constants

    return os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")


def host() -> str:
    """The hub's host name, without a user or password."""
    from urllib.parse import urlsplit

    return urlsplit(endpoint()).hostname or "the hub"


def fetch(spec: ModelSpec, folder: Path, progress: Progress) -> Arrival:
    """Bring a model's file into `folder` under a temporary name, on from where it stopped.

    Raises UnavailableError with the reason, RefusedError where a licence has to be accepted,
    WriteError where there is no room.
    """
    quiet()
    remote = bounded(lambda: look(spec))
    if spec.sha256 and remote.size and remote.size != spec.size:
        raise UnavailableError(f"it offers {remote.size} bytes in place of {spec.size}")
    part = folder / f"{remote.name}.part"
    check_room(folder, remote.size - _length(part))
    transfer(remote, part, progress)
    return Arrival(part, spec.sha256 or remote.sha256, f"{host()}/{spec.repository}")


def quiet() -> None:
    """Keep the library's bars and advice off the terminal, and its telemetry off the network."""
    import logging

    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import disable_progress_bars

    constants.HF_HUB_DISABLE_TELEMETRY = True
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def look(spec: ModelSpec) -> Remote:
    """What the hub says about a model's file, or about the configuration of any model."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    file = spec.file or "config.json"
    url = hf_hub_url(
        spec.repository,
        file,
        revision=spec.revision,
        endpoint=endpoint(),
        repo_type=spec.kind,
    )
    with translated(spec):
        metadata = get_hf_file_metadata(url, timeout=REACH)
    etag = metadata.etag or ""
    if metadata.commit_hash is None or not etag:
        raise UnavailableError("what answers there is not a hub")
    sha256 = etag if len(etag) == 64 and set(etag) <= set("0123456789abcdef") else ""
    name = "".join(character for character in etag if character.isalnum())[:64]
    return Remote(url, metadata.size or 0, sha256, name)


@contextmanager
def translated(spec: ModelSpec) -> Iterator[None]:
    """What the library raises, in our words."""
    try:
        yield
    except Exception as error:  # an answer that no hub gives makes the library raise anything
        raise translate(error, spec) from error


def translate(error: Exception, spec: ModelSpec) -> StarcoderError:
    """The library's error in our words."""
    from httpx2 import ConnectError, TimeoutException
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        has_token = "Authorization" in error.response.request.headers
        if isinstance(error, GatedRepoError) or (spec.gated and status in (401, 403, 404)):
            return gate(spec, status, has_token)
        if status == 401 and has_token:
            return UnavailableError("it does not accept the token; see `hf auth login`, HF_TOKEN")
        if status in (401, 404):
            return UnavailableError(f"it has no {spec.repository}, or no such file there")
        return UnavailableError(f"it answered with status {status}")
    if isinstance(error, TimeoutException):
        return UnavailableError(f"no answer within {REACH:.0f} s")
    if isinstance(error, ConnectError):
        return UnavailableError(f"it cannot be reached ({error})")
    return UnavailableError(f"the transfer failed ({type(error).__name__})")


def gate(spec: ModelSpec, status: int, has_token: bool) -> RefusedError:
    """What to do about a model that the hub gives only to those who accepted its licence there.

    The hub answers 401 to who did not log in and to a token that is not valid, 403 to an account
    that did not accept and to a token that may not read such models.
    """
    page = f"{endpoint()}/{spec.repository}"
    if not has_token:
        message = f"the licence of {spec.repository} has to be accepted on the hub first"
        steps = f"1. open {page} and accept it, 2. log in with `hf auth login` or set HF_TOKEN"
    elif status == 401:
        message = f"the hub does not accept the token, and {spec.repository} needs one"
        steps = (
            f"1. open {page} and accept the licence, "
            "2. log in again with `hf auth login`, or mend HF_TOKEN, which wins over it"
        )
    else:
        message = f"the hub refuses {spec.repository} to the account of the token"
        steps = (
            f"1. open {page} with that account and accept the licence, "
            f"2. see at {endpoint()}/settings/tokens that the token may read gated repositories"
        )
    return RefusedError(message, f"{steps}, 3. run: starcoder models pull {spec.name}")


class BrokenOff(UnavailableError):
    """A transfer ended early; going on from there may help."""


def transfer(remote: Remote, part: Path, progress: Progress) -> None:
    """Stream until everything is here; give up after a few tries that brought nothing.

    What a partial file holds already is not fetched again.
    """
    import time

    idle = 0
    while True:
        before = _length(part)
        if remote.size and before >= remote.size:
            return progress(before, remote.size)
        try:
            _stream(remote, part, progress)
            if not remote.size:
                return None
        except BrokenOff:
            idle = 0 if _length(part) > before else idle + 1
            if idle == TRIES:
                raise
            time.sleep(idle)


def _stream(remote: Remote, part: Path, progress: Progress) -> None:
    """Append what the hub sends, from where the file ends now."""
    from httpx2 import HTTPError

    response = bounded(lambda: _open(remote, part))
    try:
        with saving(part), part.open("ab" if response.status_code == 206 else "wb") as file:
            done = file.tell()
            for chunk in response.iter_bytes(CHUNK):
                done += len(chunk)
                if remote.size and done > remote.size:
                    raise UnavailableError("it sends more bytes than it announced")
                file.write(chunk)
                progress(done, remote.size)
    except HTTPError as error:
        raise BrokenOff(f"the transfer broke off ({type(error).__name__})") from error
    finally:
        response.close()


def _open(remote: Remote, part: Path) -> "Response":
    """The answer to a request for what is missing, its body still unread."""
    from httpx2 import HTTPError, Timeout
    from huggingface_hub import get_session
    from huggingface_hub.utils import (  # type: ignore[attr-defined] # documented, not listed
        build_hf_headers,
    )

    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if start := _length(part):
        headers["Range"] = f"bytes={start}-"
    client = get_session()
    request = client.build_request(
        "GET", remote.url, headers=headers, timeout=Timeout(REACH, read=STALL)
    )
    try:
        response = client.send(request, stream=True, follow_redirects=True)
    except HTTPError as error:
        raise BrokenOff(f"the transfer failed ({type(error).__name__})") from error
    problem = _problem(response, start)
    if problem is None:
        return response
    response.close()
    if response.status_code == 416:  # what is here is not a beginning of what is there
        part.unlink(missing_ok=True)
    raise problem


def _problem(response: "Response", start: int) -> UnavailableError | None:
    """Why an answer is not the bytes from `start` on; None where it is."""
    status = response.status_code
    if status == 416 or status == 429 or status >= 500:
        return BrokenOff(f"it answered with status {status}")
    if status not in (200, 206):
        return UnavailableError(f"it answered with status {status}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        return UnavailableError("it answered with a web page in place of the file")
    begins = response.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    if status == 206 and not begins:
        return UnavailableError("it sent another part of the file than was asked for")
    return None


def _length(part: Path) -> int:
    """How many bytes are here already."""
    return part.stat().st_size if part.exists() else 0
