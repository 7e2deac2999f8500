"""What the hub's library keeps for its user."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import Serving, Site, closed_port, use
from starcoder_cli.errors import RefusedError, UnavailableError
from starcoder_cli.models.cache import fetch_user_name, has_token


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub, and a token for it."""
    with Serving() as site:
        use(monkeypatch, tmp_path, site.url, "http://127.0.0.1:9")
        monkeypatch.setenv("HF_TOKEN", "hf_sentinel")
        yield site


def test_the_token_belongs_to_somebody(site: Site) -> None:
    site.files["/api/whoami-v2"] = json.dumps({"type": "user", "name": "ada"}).encode()
    assert has_token()
    assert fetch_user_name() == "ada"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_not_taken(site: Site, status: int) -> None:
    site.status = status
    with pytest.raises(RefusedError) as caught:
        fetch_user_name()
    assert str(caught.value) == (
        "the hub does not take the token; log in again with `hf auth login`, or unset HF_TOKEN"
    )


def test_a_hub_that_is_in_trouble(site: Site) -> None:
    site.status = 500
    with pytest.raises(UnavailableError) as caught:
        fetch_user_name()
    assert str(caught.value) == "it answered with status 500"


def test_what_is_no_hub(site: Site) -> None:
    site.files["/api/whoami-v2"] = b"<html>"
    with pytest.raises(UnavailableError) as caught:
        fetch_user_name()
    assert str(caught.value) == "what answers there is not a hub"


def test_a_hub_that_cannot_be_reached(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", closed_port())
    with pytest.raises(UnavailableError) as caught:
        fetch_user_name()
    assert str(caught.value) == "it did not say: ConnectError"


def test_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    assert not has_token()
