"""Checkpoint folders: into the hub's own cache, weights in safetensors and texts alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import COMMIT, Reports, Serving, Site, use

from starcoder_cli.backends import foresee
from starcoder_cli.catalog import ModelSpec, find
from starcoder_cli.errors import InputError, MachineError, RefusedError, UnavailableError
from starcoder_cli.loading import Loading
from starcoder_cli.models import store
from starcoder_cli.models.pull import pull
from starcoder_cli.models.snapshot import parameters

FILES = {
    "config.json": b"{}",
    "tokenizer.json": b'{"version": "1.0"}',
    "model.safetensors": bytes(100_000),
    "merges.txt": b"a b\n",
    "chat_template.jinja": b"{{ messages }}",
}
UNWANTED = {
    "pytorch_model.bin": b"pickle",
    "modeling_tiny.py": b"import os",
    "consolidated.safetensors": bytes(10),
    "original/params.json": b"{}",
}


@pytest.fixture
def tiny() -> ModelSpec:
    """A checkpoint that is in no catalog."""
    return find("owner/tiny")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub with a checkpoint, and an empty cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with Serving() as site:
        use(monkeypatch, tmp_path / "models", site.url, "http://127.0.0.1:9")
        for revision in ("main", COMMIT):
            for name, data in {**FILES, **UNWANTED}.items():
                site.files[f"/owner/tiny/resolve/{revision}/{name}"] = data
        yield site


def test_what_is_wanted_is_fetched_found_and_removed(site: Site, tiny: ModelSpec) -> None:
    assert store.locate(tiny) is None
    reports = Reports()
    folder = pull(tiny, reports)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    total = sum(map(len, FILES.values()))
    assert reports.seen[-1] == (total, total)
    site.requests.clear()
    assert pull(tiny, Reports()) == store.locate(tiny) == folder
    assert site.requests == []
    store.remove(tiny)
    assert store.locate(tiny) is None
    with pytest.raises(InputError):
        store.remove(tiny)


def test_a_snapshot_without_weights_is_not_here(site: Site, tiny: ModelSpec) -> None:
    folder = pull(tiny, Reports())
    (folder / "model.safetensors").unlink()
    assert store.locate(tiny) is None


def test_pickled_weights_are_refused(site: Site, tiny: ModelSpec) -> None:
    del site.files["/owner/tiny/resolve/main/model.safetensors"]
    with pytest.raises(RefusedError) as caught:
        pull(tiny, Reports())
    assert str(caught.value) == (
        "owner/tiny has no safetensors, and pickled weights can run code; "
        "choose a repository with safetensors"
    )


def test_in_a_repository_of_gguf_files_one_has_to_be_named(site: Site, tiny: ModelSpec) -> None:
    del site.files["/owner/tiny/resolve/main/model.safetensors"]
    site.files["/owner/tiny/resolve/main/tiny.Q4_0.gguf"] = b"GGUF"
    with pytest.raises(RefusedError) as caught:
        pull(tiny, Reports())
    assert str(caught.value) == (
        "owner/tiny holds GGUF files, of which one has to be named; "
        "for instance: starcoder models pull owner/tiny/tiny.Q4_0.gguf"
    )


def test_a_checkpoint_that_does_not_exist(site: Site) -> None:
    with pytest.raises(UnavailableError) as caught:
        pull(find("owner/none"), Reports())
    assert str(caught.value) == (
        "cannot get owner/none (127.0.0.1: it has no owner/none, or no such file there); "
        "try again, it goes on where it stopped: starcoder models pull owner/none"
    )


def test_a_checkpoint_too_large_for_this_machine_is_not_begun(site: Site, tiny: ModelSpec) -> None:
    """In no catalog, but the hub says how many numbers it has."""
    site.parameters = 10**15
    assert parameters(tiny) == 10**15
    with pytest.raises(MachineError) as caught:
        foresee(tiny, 512, Loading("none", "cpu", "bf16"))
    assert str(caught.value).startswith("owner/tiny needs ")
    assert not any("/resolve/" in request for request in site.requests)


def test_what_the_hub_does_not_say_is_left_to_the_download(site: Site, tiny: ModelSpec) -> None:
    assert parameters(tiny) == 0
    foresee(tiny, 512, Loading())
    site.status = 500
    assert parameters(tiny) == 0
