"""Checkpoint folders: into the hub's own cache, file by file, verified, resumed and repaired."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from servers import COMMIT, Reports, Serving, Site, closed_port, full_disk, use, weights
from starcoder_cli.catalog import find_model
from starcoder_cli.cli import main
from starcoder_cli.engines.load import check_can_load
from starcoder_cli.errors import (
    BusyError,
    DataError,
    InputError,
    MachineError,
    RefusedError,
    UnavailableError,
    WriteError,
)
from starcoder_cli.loading import LoadOptions
from starcoder_cli.models import cache, store
from starcoder_cli.models.pull import fetch_model
from starcoder_cli.models.snapshot import MAX_CHECKPOINT_FILES, fetch_parameter_count

TINY = find_model("owner/tiny")
FILES = {
    "config.json": b"{}",
    "tokenizer.json": b'{"version": "1.0"}',
    "model.safetensors": weights(),
    "merges.txt": b"a b\n",
    "chat_template.jinja": b"{{ messages }}",
}
TOTAL = sum(map(len, FILES.values()))
UNWANTED = {
    "pytorch_model.bin": b"pickle",
    "modeling_tiny.py": b"import os",
    "consolidated.safetensors": bytes(10),
    "original/params.json": b"{}",
}
HOME = f"/owner/tiny/resolve/{COMMIT}"
WEIGHTS = f"{HOME}/model.safetensors"
REPAIR = "repair it with: starcoder models pull owner/tiny"
RETRY = "try again, to resume where it stopped: starcoder models pull owner/tiny"

# Pulls the checkpoint in a process of its own.
SCRIPT = """
from starcoder_cli.models.pull import fetch_model
from starcoder_cli.catalog import find_model
print(fetch_model(find_model("owner/tiny"), lambda done, total: None))
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub with a checkpoint, and an empty cache, for this process and its children."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with Serving() as site:
        use(monkeypatch, tmp_path / "models", site.url, closed_port())
        for name, data in {**FILES, **UNWANTED}.items():
            site.files[f"{HOME}/{name}"] = data
        yield site


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def blob(folder: Path, name: str = "model.safetensors") -> Path:
    """The blob of a file, which is large unless it is named."""
    return (folder / name).resolve()


def bodies(site: Site) -> list[str]:
    """Which files were sent."""
    return [asked for asked in site.requests if asked.startswith("GET") and "/api/" not in asked]


def flip(path: Path) -> None:
    """Change one bit, and neither the size nor the time of a file."""
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def truncate(path: Path) -> None:
    """Cut a file off."""
    os.truncate(path, path.stat().st_size // 2)


def touch(path: Path) -> None:
    """Change the time of a file alone."""
    os.utime(path, (1, 1))


def rewrite(path: Path) -> None:
    """Change one bit and the time of a file."""
    flip(path)
    touch(path)


def partials() -> list[str]:
    """The partial files in the cache."""
    return [path.name for path in (cache.repository_folder(TINY) / "blobs").glob("*.incomplete")]


def test_what_is_wanted_is_fetched_found_and_removed(site: Site) -> None:
    assert store.locate_model(TINY) is None
    folder = fetch_model(TINY, Reports())
    assert contents(folder) == FILES
    site.requests.clear()
    assert fetch_model(TINY, Reports()) == store.locate_model(TINY) == folder
    assert site.requests == []
    prepared = store.model_folder(TINY) / "openvino"
    prepared.mkdir(parents=True)
    store.remove_model(TINY)
    assert store.locate_model(TINY) is None
    assert not cache.repository_folder(TINY).exists() and not prepared.parent.exists()
    prepared.mkdir(parents=True)
    store.remove_model(TINY)  # what another program left of it
    assert not prepared.parent.exists()
    with pytest.raises(InputError):
        store.remove_model(TINY)


def test_other_programs_find_what_was_fetched(site: Site) -> None:
    from huggingface_hub import scan_cache_dir, snapshot_download

    folder = fetch_model(TINY, Reports())
    [found] = scan_cache_dir(cache.cache_folder()).repos
    assert (found.repo_id, found.nb_files, found.size_on_disk) == ("owner/tiny", 5, TOTAL)
    assert [list(revision.refs) for revision in found.revisions] == [["main"]]
    assert snapshot_download("owner/tiny", local_files_only=True) == str(folder)


def test_progress_is_that_of_all_files_together(site: Site) -> None:
    reports = Reports()
    fetch_model(TINY, reports)
    assert reports.seen == sorted(reports.seen)
    assert {total for _, total in reports.seen} == {TOTAL}
    done = [done for done, _ in reports.seen]
    assert len(FILES["config.json"]) == done[0] < done[len(done) // 2] < done[-1] == TOTAL


def test_checking_what_is_here_has_progress_too(site: Site) -> None:
    fetch_model(TINY, Reports())
    reports = Reports()
    fetch_model(TINY, reports)
    assert reports.seen == sorted(reports.seen)
    assert len(reports.seen) > len(FILES)
    assert reports.seen[-1] == (TOTAL, TOTAL)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("damage", [flip, truncate, touch])
def test_a_damaged_file_is_fetched_again_and_no_other(
    site: Site, name: str, damage: Callable[[Path], None]
) -> None:
    """A pull left a truncated file, and one with another bit, as they were."""
    folder = fetch_model(TINY, Reports())
    damage(blob(folder, name))
    site.requests.clear()
    assert fetch_model(TINY, Reports()) == folder
    assert contents(folder) == FILES
    assert bodies(site) == ([] if damage is touch else [f"GET {HOME}/{name}"])
    assert store.locate_model(TINY) == folder


def test_a_checkpoint_with_other_times_is_not_damaged(site: Site) -> None:
    """As after a copy of the cache, wherever nobody may write into it."""
    folder = fetch_model(TINY, Reports())
    for name in FILES:
        touch(blob(folder, name))
    manifest = (cache.repository_folder(TINY) / cache.CHECKPOINT_MANIFEST_NAME).read_bytes()
    assert store.locate_model(TINY) == folder
    assert fetch_model(TINY, Reports(), offline=True) == folder
    assert (cache.repository_folder(TINY) / cache.CHECKPOINT_MANIFEST_NAME).read_bytes() == manifest


@pytest.mark.parametrize("damage", [truncate, rewrite])
def test_a_changed_file_is_an_error_that_says_how_to_repair(
    site: Site, damage: Callable[[Path], None]
) -> None:
    folder = fetch_model(TINY, Reports())
    damage(blob(folder))
    with pytest.raises(DataError) as caught:
        store.locate_model(TINY)
    assert str(caught.value) == (
        f"{folder / 'model.safetensors'} is not the file that was verified; {REPAIR}"
    )
    assert store.list_installed_models() == []  # in no catalog, but looked at without an error


def test_the_remedy_of_the_error_works(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    folder = fetch_model(TINY, Reports())
    truncate(blob(folder))
    assert main(["models", "path", "owner/tiny"]) == 65
    remedy = capsys.readouterr().err.partition("starcoder ")[2]
    assert main(remedy.split()) == 0
    assert capsys.readouterr() == ("", "getting owner/tiny (unknown size) from owner/tiny\n")
    assert main(["models", "path", "owner/tiny"]) == 0
    assert capsys.readouterr() == (f"{folder}\n", "")
    assert contents(folder) == FILES


def test_what_cannot_be_shown_names_the_remedy(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = filled_by_others(site)
    (folder / "config.json").write_text("{")
    assert main(["models", "show", "owner/tiny"]) == 65
    assert capsys.readouterr().err.endswith(f"; {REPAIR}\n")


def test_a_pull_of_what_is_sound_says_nothing(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch_model(TINY, Reports())
    site.requests.clear()
    assert main(["models", "pull", "owner/tiny"]) == 0
    assert capsys.readouterr() == ("", "")
    assert site.requests == []


def test_a_repair_leaves_the_names_of_sound_files_alone(site: Site) -> None:
    """A program that loads them meanwhile finds every file at any time."""
    folder = fetch_model(TINY, Reports())
    before = [(folder / name).lstat().st_ctime_ns for name in FILES]
    flip(blob(folder))
    fetch_model(TINY, Reports())
    assert [(folder / name).lstat().st_ctime_ns for name in FILES] == before


def test_a_damaged_file_cannot_be_repaired_offline(site: Site) -> None:
    folder = fetch_model(TINY, Reports())
    flip(blob(folder))
    with pytest.raises(UnavailableError) as caught:
        fetch_model(TINY, Reports(), offline=True)
    assert str(caught.value) == (
        "owner/tiny is damaged and this is offline; "
        "with a network, run: starcoder models pull owner/tiny"
    )


@pytest.mark.parametrize("name", ["model.safetensors", "merges.txt"])
def test_a_snapshot_that_lacks_a_file_is_not_here(site: Site, name: str) -> None:
    folder = fetch_model(TINY, Reports())
    (folder / name).unlink()
    assert store.locate_model(TINY) is None
    assert contents(fetch_model(TINY, Reports())) == FILES


def filled_by_others(site: Site) -> Path:
    """A snapshot that the hub's library might have left, without a manifest."""
    folder = fetch_model(TINY, Reports())
    (cache.repository_folder(TINY) / cache.CHECKPOINT_MANIFEST_NAME).unlink()
    site.requests.clear()
    return folder


def test_what_other_programs_fetched_is_used_and_verified_when_pulled(site: Site) -> None:
    folder = filled_by_others(site)
    assert store.locate_model(TINY) == folder
    assert fetch_model(TINY, Reports(), offline=True) == folder
    assert site.requests == []
    assert fetch_model(TINY, Reports()) == folder
    assert bodies(site) == []
    assert cache.read_checkpoint_manifest(TINY) is not None


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
@pytest.mark.parametrize("damage", [flip, truncate])
def test_what_other_programs_fetched_is_repaired_too(
    site: Site, name: str, damage: Callable[[Path], None]
) -> None:
    folder = filled_by_others(site)
    damage(blob(folder, name))
    assert contents(fetch_model(TINY, Reports())) == FILES
    assert bodies(site) == [f"GET {HOME}/{name}"]


def test_a_blob_shared_between_repositories_is_no_longer_once_it_is_damaged(site: Site) -> None:
    folder = filled_by_others(site)
    name = (folder / "model.safetensors").readlink().name
    own = cache.repository_folder(TINY) / "blobs" / name
    shared = cache.cache_folder() / "blobs" / "ab" / ("c" * 64)
    shared.parent.mkdir(parents=True)
    own.replace(shared)
    own.symlink_to(Path("..", "..", "blobs", "ab", shared.name))
    assert store.locate_model(TINY) == folder
    flip(shared)
    assert contents(fetch_model(TINY, Reports())) == FILES
    assert not own.is_symlink() and shared.exists()


def test_a_system_without_links_gets_files(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, target: Path) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refused)
    folder = fetch_model(TINY, Reports())
    assert contents(folder) == FILES
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert store.locate_model(TINY) == folder


def test_a_transfer_that_breaks_off_goes_on_from_there(site: Site) -> None:
    """The hub's library deleted what it had, and began again."""
    site.cuts = [10_000, 10_000, 1 << 20, 1 << 20]
    assert contents(fetch_model(TINY, Reports())) == FILES
    starts = [int(asked.split("bytes=")[1].rstrip("-")) for asked in site.requests if "=" in asked]
    assert len(starts) == 2 and 0 < starts[0] < starts[1] < len(FILES["model.safetensors"])


def child() -> "subprocess.Popen[str]":
    """A process that pulls the checkpoint."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_pull_that_was_ended_goes_on_from_there(site: Site, number: signal.Signals) -> None:
    site.release = threading.Event()
    site.slow = "model.safetensors"
    digest = sha256(FILES["model.safetensors"]).hexdigest()
    part = cache.repository_folder(TINY) / "blobs" / f"{digest}.incomplete"
    with child() as process:
        while not (part.exists() and part.stat().st_size):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
    assert partials() == [part.name]
    assert store.locate_model(TINY) is None
    site.release.set()
    site.requests.clear()
    assert contents(fetch_model(TINY, Reports())) == FILES
    [asked] = [asked for asked in bodies(site) if WEIGHTS in asked]
    assert "bytes=" in asked
    assert partials() == []


def test_a_partial_file_that_is_no_beginning_costs_one_more_transfer(site: Site) -> None:
    folder = fetch_model(TINY, Reports())
    here = blob(folder)
    store.remove_model(TINY)
    here.parent.mkdir(parents=True)
    here.with_name(f"{here.name}.incomplete").write_bytes(bytes(1000))
    site.requests.clear()
    assert contents(fetch_model(TINY, Reports())) == FILES
    assert [asked for asked in bodies(site) if WEIGHTS in asked] == [
        f"GET {WEIGHTS} bytes=1000-",
        f"GET {WEIGHTS}",
    ]


def test_partial_files_that_nobody_goes_on_with_are_swept(site: Site) -> None:
    blobs = cache.repository_folder(TINY) / "blobs"
    blobs.mkdir(parents=True)
    for name in ("old.0123abcd.incomplete", "new.0123abcd.incomplete"):
        (blobs / name).write_bytes(bytes(1000))
    touch(blobs / "old.0123abcd.incomplete")
    reports = Reports()
    fetch_model(TINY, reports)
    assert partials() == ["new.0123abcd.incomplete"]
    assert reports.seen[0][0] == len(FILES["config.json"])  # they are no part of what is here


def test_flipped_bits_are_never_used(site: Site) -> None:
    site.claims[WEIGHTS] = FILES["model.safetensors"]
    site.files[WEIGHTS] = FILES["model.safetensors"][:-1] + b"!"
    with pytest.raises(UnavailableError) as caught:
        fetch_model(TINY, Reports())
    assert str(caught.value) == (
        "cannot get owner/tiny (127.0.0.1: it sent other bytes than the model's (sha256 does not "
        f"match)); {RETRY}"
    )
    assert store.locate_model(TINY) is None
    assert partials() == []


def test_two_pulls_at_once_fetch_once(site: Site) -> None:
    with child() as first, child() as second:
        outputs = {process.communicate()[0] for process in (first, second)}
    assert outputs == {f"{store.locate_model(TINY)}\n"}
    assert sorted(bodies(site)) == sorted(f"GET {HOME}/{name}" for name in FILES)


def test_a_checkpoint_that_is_being_pulled_is_not_removed(site: Site) -> None:
    folder = fetch_model(TINY, Reports())
    with store.lock_model(TINY), pytest.raises(BusyError):
        store.remove_model(TINY)
    assert contents(folder) == FILES


def test_what_is_partial_is_removed_too(site: Site) -> None:
    blobs = cache.repository_folder(TINY) / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "a.incomplete").touch()
    store.remove_model(TINY)
    assert not cache.repository_folder(TINY).exists()


def test_a_full_disk_keeps_what_is_whole(site: Site) -> None:
    with full_disk(), pytest.raises(WriteError) as caught:
        fetch_model(TINY, Reports())
    assert str(caught.value).endswith(".incomplete: File too large; free some space or set HF_HOME")
    assert partials() == []
    site.requests.clear()
    assert contents(fetch_model(TINY, Reports())) == FILES
    assert f"GET {HOME}/config.json" not in site.requests


def test_without_room_nothing_is_fetched(site: Site) -> None:
    site.lengths[WEIGHTS] = 1 << 60
    with pytest.raises(WriteError) as caught:
        fetch_model(TINY, Reports())
    assert "the download needs 1152921505 GB; free some space or set HF_HOME" in str(caught.value)
    assert bodies(site) == []


@pytest.mark.parametrize("offline", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", ""])
def test_offline_nothing_is_tried(
    site: Site, monkeypatch: pytest.MonkeyPatch, offline: str
) -> None:
    if offline:
        monkeypatch.setenv(offline, "1")
    with pytest.raises(UnavailableError) as caught:
        fetch_model(TINY, Reports(), offline=not offline)
    assert str(caught.value) == (
        "owner/tiny is not installed and this is offline; "
        "with a network, run: starcoder models pull owner/tiny"
    )
    assert site.requests == []


@pytest.mark.parametrize("guarded", ["/api/", "/resolve/"])
@pytest.mark.parametrize(
    ("status", "token", "message"),
    [
        (401, "", "the licence of owner/tiny has to be accepted on the hub first; 1. open {} and"),
        (
            403,
            "hf_mine",
            "the hub does not give the token's account access to owner/tiny; 1. open {} with",
        ),
        (401, "hf_old", "the hub does not accept the token, and owner/tiny needs one; 1. open {}"),
    ],
)
def test_a_gated_checkpoint_names_the_three_steps(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    guarded: str,
    status: int,
    token: str,
    message: str,
) -> None:
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    site.status, site.guarded = status, guarded
    site.headers = {"X-Error-Code": "GatedRepo"}
    with pytest.raises(RefusedError) as caught:
        fetch_model(TINY, Reports())
    assert str(caught.value).startswith(message.format(f"{site.url}/owner/tiny"))
    assert str(caught.value).endswith("3. run: starcoder models pull owner/tiny")
    assert bodies(site) == []


def test_a_revision_is_fetched_and_found_by_its_name(site: Site) -> None:
    old = replace(TINY, revision="v1")
    folder = fetch_model(old, Reports())
    assert site.requests[0] == "GET /api/models/owner/tiny/revision/v1"
    assert contents(folder) == FILES
    assert store.locate_model(old) == folder
    assert store.locate_model(TINY) is None


def test_a_repair_keeps_to_the_commit_that_was_fetched(site: Site) -> None:
    flip(blob(fetch_model(TINY, Reports())))
    site.requests.clear()
    fetch_model(TINY, Reports())
    assert site.requests[0] == f"GET /api/models/owner/tiny/revision/{COMMIT}"


def test_a_commit_that_is_gone_is_no_obstacle_to_a_repair(site: Site) -> None:
    folder = fetch_model(TINY, Reports())
    flip(blob(folder))
    site.requests.clear()
    site.status, site.guarded = 404, f"/revision/{COMMIT}"
    site.headers = {"X-Error-Code": "RevisionNotFound"}
    assert contents(fetch_model(TINY, Reports())) == FILES
    assert site.requests[1] == "GET /api/models/owner/tiny/revision/main"


def test_a_repair_does_not_take_the_branch_back(site: Site) -> None:
    """Another program may have fetched a later commit meanwhile."""
    flip(blob(fetch_model(TINY, Reports())))
    reference = cache.repository_folder(TINY) / "refs" / "main"
    reference.write_text("f" * 40)
    fetch_model(TINY, Reports())
    assert reference.read_text() == "f" * 40


def test_a_commit_needs_no_reference(site: Site) -> None:
    pinned = replace(TINY, revision=COMMIT)
    assert store.locate_model(pinned) is None
    folder = fetch_model(pinned, Reports())
    assert store.locate_model(pinned) == folder
    assert not (cache.repository_folder(pinned) / "refs").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": [], "revision": "main"}'])
def test_a_manifest_that_makes_no_sense_verifies_nothing(site: Site, text: str) -> None:
    folder = fetch_model(TINY, Reports())
    (cache.repository_folder(TINY) / cache.CHECKPOINT_MANIFEST_NAME).write_text(text)
    assert cache.read_checkpoint_manifest(TINY) is None
    assert store.locate_model(TINY) == folder


def test_names_that_lead_elsewhere_are_not_fetched(site: Site, tmp_path: Path) -> None:
    for name in ("..\\evil.json", "C:evil.json"):
        site.files[f"{HOME}/{name}"] = b"{}"
    assert contents(fetch_model(TINY, Reports())) == FILES


def test_more_files_than_a_checkpoint_has_are_not_asked_for(site: Site) -> None:
    for number in range(MAX_CHECKPOINT_FILES):
        site.files[f"{HOME}/{number}.json"] = b"{}"
    with pytest.raises(RefusedError, match="^owner/tiny has 1005 files, which no checkpoint needs"):
        fetch_model(TINY, Reports())
    assert not any(request.startswith("HEAD") for request in site.requests)


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"id": "owner/tiny", "sha": "../.."}'])
def test_what_is_no_hub_is_not_taken_for_one(site: Site, answer: bytes) -> None:
    """An error that the library does not declare was reported as a bug of ours."""
    site.files["/api/models/owner/tiny/revision/main"] = answer
    assert fetch_parameter_count(TINY) == 0
    with pytest.raises(UnavailableError) as caught:
        fetch_model(TINY, Reports())
    assert str(caught.value).startswith("cannot get owner/tiny (127.0.0.1: ")


def test_pickled_weights_are_refused(site: Site) -> None:
    del site.files[WEIGHTS]
    with pytest.raises(RefusedError) as caught:
        fetch_model(TINY, Reports())
    assert str(caught.value) == (
        "owner/tiny has no safetensors, and pickled weights can run code; "
        "choose a repository with safetensors"
    )


def test_in_a_repository_of_gguf_files_one_has_to_be_named(site: Site) -> None:
    del site.files[WEIGHTS]
    site.files[f"{HOME}/tiny.Q4_0.gguf"] = b"GGUF"
    with pytest.raises(RefusedError) as caught:
        fetch_model(TINY, Reports())
    assert str(caught.value) == (
        "owner/tiny holds GGUF files, of which one has to be named; "
        "for instance: starcoder models pull owner/tiny/tiny.Q4_0.gguf"
    )


def test_a_checkpoint_that_does_not_exist(site: Site) -> None:
    with pytest.raises(UnavailableError) as caught:
        fetch_model(find_model("owner/none"), Reports())
    assert str(caught.value) == (
        "cannot get owner/none (127.0.0.1: it has no owner/none, or no such file there); "
        "try again, to resume where it stopped: starcoder models pull owner/none"
    )


def test_a_checkpoint_too_large_for_this_machine_is_not_begun(site: Site) -> None:
    """In no catalog, but the hub says how many numbers it has."""
    site.parameters = 10**15
    assert fetch_parameter_count(TINY) == 10**15
    with pytest.raises(MachineError) as caught:
        check_can_load(TINY, 512, LoadOptions("none", "cpu", "bf16"))
    assert str(caught.value).startswith("owner/tiny needs ")
    assert not any("/resolve/" in request for request in site.requests)


def test_what_the_hub_does_not_say_is_left_to_the_download(site: Site) -> None:
    assert fetch_parameter_count(TINY) == 0
    check_can_load(TINY, 512, LoadOptions())
    site.status = 500
    assert fetch_parameter_count(TINY) == 0


def test_a_hub_that_cannot_be_reached_does_not_say_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", closed_port())
    assert fetch_parameter_count(TINY) == 0
