"""Files from a hub: resumed where they broke off, and refused when they are something else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from httpx2 import ConnectError

from servers import Reports, Serving, Site, closed_port, spec_of, use, weights
from starcoder_cli.catalog import format_size
from starcoder_cli.errors import RefusedError, UnavailableError
from starcoder_cli.models import hub, transfer

DATA = weights()
TINY = spec_of(DATA)
FILE = "/owner/tiny/resolve/main/tiny.gguf"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub that has the model."""
    with Serving() as site:
        site.files[FILE] = DATA
        use(monkeypatch, tmp_path, site.url, "http://127.0.0.1:9")
        yield site


def test_a_file_arrives_whole(site: Site, tmp_path: Path) -> None:
    reports = Reports()
    arrival = hub.fetch_from_hub(TINY, tmp_path, reports)
    assert arrival.path.read_bytes() == DATA
    assert (arrival.sha256, arrival.source) == (TINY.sha256, "127.0.0.1/owner/tiny")
    assert reports.seen[-1] == (len(DATA), len(DATA))
    assert reports.seen == sorted(reports.seen)
    assert site.requests == [f"HEAD {FILE}", f"GET {FILE}"]


def test_without_a_pinned_digest_the_hubs_own_counts(site: Site, tmp_path: Path) -> None:
    arrival = hub.fetch_from_hub(spec_of(DATA, pinned=False), tmp_path, Reports())
    assert arrival.sha256 == TINY.sha256


def test_a_transfer_that_breaks_off_goes_on_from_there(site: Site, tmp_path: Path) -> None:
    site.cuts = [1 << 20, 1 << 20]
    assert hub.fetch_from_hub(TINY, tmp_path, Reports()).path.read_bytes() == DATA
    starts = [int(asked.split("bytes=")[1].rstrip("-")) for asked in site.requests if "=" in asked]
    assert len(starts) == 2 and 0 < starts[0] < starts[1] < len(DATA)


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(site: Site, tmp_path: Path) -> None:
    site.cuts = [1 << 20]
    remote = hub.fetch_file_metadata(TINY)
    part = tmp_path / f"{remote.blob_name}.part"
    part.write_bytes(DATA[:1000])
    assert hub.fetch_from_hub(TINY, tmp_path, Reports()).path.read_bytes() == DATA
    assert f"GET {FILE} bytes=1000-" in site.requests


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (404, {"X-Error-Code": "EntryNotFound"}, "it has no owner/tiny, or no such file there"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "it has no owner/tiny, or no such file there"),
        (401, {"X-Error-Code": "RepoNotFound"}, "it has no owner/tiny, or no such file there"),
        (403, {}, "it answered with status 403"),
        (429, {}, "it answered with status 429"),
        (500, {}, "it answered with status 500"),
    ],
)
def test_what_a_hub_refuses(
    site: Site, tmp_path: Path, status: int, headers: dict[str, str], reason: str
) -> None:
    site.status, site.headers = status, headers
    with pytest.raises(UnavailableError) as caught:
        hub.fetch_from_hub(TINY, tmp_path, Reports())
    assert caught.value.message == reason


GATED = {"X-Error-Code": "GatedRepo"}


def refusal(tmp_path: Path, *, gated: bool) -> str:
    """What is said where the hub gives a model not to everyone."""
    with pytest.raises(RefusedError) as caught:
        hub.fetch_from_hub(spec_of(DATA, gated=gated), tmp_path, Reports())
    return str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers", "gated"),
    [(401, GATED, False), (401, GATED, True), (401, {}, True), (403, {}, True)],
)
def test_a_gated_model_names_the_three_steps(
    site: Site, tmp_path: Path, status: int, headers: dict[str, str], gated: bool
) -> None:
    site.status, site.headers = status, headers
    assert refusal(tmp_path, gated=gated) == (
        "the licence of owner/tiny has to be accepted on the hub first; "
        f"1. open {site.url}/owner/tiny and accept it, 2. log in with `hf auth login` or set "
        "HF_TOKEN, 3. run: starcoder models pull tiny"
    )


@pytest.mark.parametrize(
    ("status", "headers", "gated"), [(403, GATED, False), (403, {}, True), (404, {}, True)]
)
def test_an_account_that_did_not_accept_names_the_three_steps(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    headers: dict[str, str],
    gated: bool,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    site.status, site.headers = status, headers
    assert refusal(tmp_path, gated=gated) == (
        "the hub does not give the token's account access to owner/tiny; "
        f"1. open {site.url}/owner/tiny with that account and accept the licence, "
        f"2. check at {site.url}/settings/tokens that the token may read gated repositories, "
        "3. run: starcoder models pull tiny"
    )


def test_a_token_that_is_not_valid_names_the_three_steps(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    site.status = 401
    assert refusal(tmp_path, gated=True) == (
        "the hub does not accept the token, and owner/tiny needs one; "
        f"1. open {site.url}/owner/tiny and accept the licence, "
        "2. log in again with `hf auth login`, or fix HF_TOKEN, which wins over it, "
        "3. run: starcoder models pull tiny"
    )


def test_a_token_that_is_not_valid_is_no_missing_model(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    site.status = 401
    site.headers = {"X-Error-Message": "Invalid credentials in Authorization header"}
    with pytest.raises(UnavailableError) as caught:
        hub.fetch_from_hub(TINY, tmp_path, Reports())
    assert caught.value.message == "it does not accept the token; see `hf auth login`, HF_TOKEN"


def test_a_web_page_is_not_a_model(site: Site, tmp_path: Path) -> None:
    site.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(UnavailableError) as caught:
        hub.fetch_from_hub(TINY, tmp_path, Reports())
    assert caught.value.message == "it answered with a web page in place of the file"
    assert list(tmp_path.glob("*.gguf")) == []


def test_another_size_than_the_pinned_one_is_not_fetched(site: Site, tmp_path: Path) -> None:
    site.files[FILE] = DATA[:-1]
    with pytest.raises(UnavailableError) as caught:
        hub.fetch_from_hub(TINY, tmp_path, Reports())
    assert caught.value.message == f"it offers {len(DATA) - 1} bytes in place of {len(DATA)}"
    assert site.requests == [f"HEAD {FILE}"]


def test_a_server_that_sends_less_than_it_announced(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked again without an end."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    site.lengths[FILE] = len(DATA) + 8
    with pytest.raises(UnavailableError) as caught:
        hub.fetch_from_hub(spec_of(DATA, pinned=False), tmp_path, Reports())
    assert caught.value.message == "it sends fewer bytes than it announced"
    assert len(site.requests) <= 2 + hub.MAX_IDLE_TRIES


def test_a_server_that_sends_more_than_it_announced(site: Site, tmp_path: Path) -> None:
    site.claims[FILE] = DATA[: 1 << 20]
    with pytest.raises(UnavailableError) as caught:
        hub.fetch_from_hub(spec_of(DATA, pinned=False), tmp_path, Reports())
    assert caught.value.message == "it sends more bytes than it announced"


@pytest.mark.parametrize(
    ("location", "token"), [("http://[::1", ""), ("", "\u0442\u043e\u043a\u0435\u043d")]
)
def test_an_error_that_the_library_does_not_declare(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str, token: str
) -> None:
    """A redirection that is no address, and a token that no header can hold."""
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    else:
        site.status, site.headers = 302, {"Location": location}
    with pytest.raises(UnavailableError) as caught:
        hub.fetch_from_hub(TINY, tmp_path, Reports())
    assert caught.value.message.startswith("the transfer failed: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-Linked-Etag", '"---"'), ("X-Linked-Etag", '"²³"'), ("X-Linked-Etag", '""')],
)
def test_a_name_without_a_sign_of_a_name_is_none(
    site: Site, tmp_path: Path, name: str, value: str
) -> None:
    """It was a bug that the file was called `.part`."""
    site.headers = {name: value}
    with pytest.raises(UnavailableError, match="^what answers there is not a hub$"):
        hub.fetch_from_hub(TINY, tmp_path, Reports())


@pytest.mark.parametrize("size", ["-5", "0"])
def test_a_size_that_is_none_is_not_known(site: Site, tmp_path: Path, size: str) -> None:
    site.headers = {"X-Linked-Size": size}
    assert hub.fetch_file_metadata(TINY).size == 0
    assert hub.fetch_from_hub(TINY, tmp_path, Reports()).path.read_bytes() == DATA


LARGE = "^{} is larger than the {} that it may have$"


def test_a_file_of_unknown_size_is_no_larger_than_its_kind(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.headers = {"X-Linked-Size": "-5"}
    site.files[FILE] = DATA + DATA
    with pytest.raises(UnavailableError, match=LARGE.format("tiny.gguf", format_size(len(DATA)))):
        hub.fetch_from_hub(TINY, tmp_path, Reports())
    room = transfer.free_bytes(tmp_path) - 1000
    monkeypatch.setattr(transfer, "DISK_RESERVE_BYTES", room)
    unknown = replace(spec_of(DATA, pinned=False), size=0)
    with pytest.raises(UnavailableError, match="^tiny.gguf is larger than the "):
        hub.fetch_from_hub(unknown, tmp_path, Reports())
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_configuration_is_small(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, announced: bool
) -> None:
    monkeypatch.setattr(transfer, "MAX_METADATA_BYTES", 1000)
    site.files["/owner/tiny/resolve/main/tokenizer.json"] = DATA
    site.headers = {} if announced else {"X-Linked-Size": "0"}
    spec = replace(spec_of(DATA, pinned=False), file="tokenizer.json")
    with pytest.raises(UnavailableError, match=LARGE.format("tokenizer.json", "1 kB")):
        hub.fetch_from_hub(spec, tmp_path, Reports())
    assert list(tmp_path.glob("*.part")) == []


def test_a_hub_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, tmp_path, closed_port(), "http://127.0.0.1:9")
    with pytest.raises(UnavailableError) as caught:
        hub.fetch_from_hub(TINY, tmp_path, Reports())
    assert caught.value.message == "it cannot be reached: Connection refused"


@pytest.mark.parametrize("proxy", ["socks5://10.0.0.1:9", "ftp://10.0.0.1"])
def test_the_proxy_to_the_hub_is_named(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    monkeypatch.setenv("ALL_PROXY", proxy)
    message = f"the transfer failed through the proxy {proxy}: ValueError"
    assert hub.translate_hub_error(ValueError("no"), TINY).message == message
    refused = hub.translate_hub_error(ConnectError("refused"), TINY)
    assert refused.message == f"it cannot be reached through the proxy {proxy}: refused"
