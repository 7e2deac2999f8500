"""Files of data sets from a hub: fetched once, verified, and used without it."""

import gzip
import json
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from servers import Serving, Site, closed_port, use
from starcoder_cli.cli import main
from starcoder_cli.errors import UnavailableError
from starcoder_cli.models import datasets
from starcoder_cli.models.transfer import ignore_progress

MBPP = "/datasets/Muennighoff/mbpp/resolve/main/data/sanitized-mbpp.json"
SHELL = "/datasets/nuprl/MultiPL-E/resolve/main/humaneval-sh/test-00000-of-00001.parquet"
LINES = (
    "/datasets/loubnabnl/humaneval_infilling/resolve/refs%2Fconvert%2Fparquet/"
    "HumanEval-SingleLineInfilling/test/0000.parquet"
)
PROBLEM = {
    "task_id": 11,
    "prompt": "Write a function that doubles.",
    "code": "def double(x):\n    return 2 * x",
    "test_imports": [],
    "test_list": ["assert double(2) == 4"],
}
TRANSLATED = {
    "name": "a",
    "language": "sh",
    "prompt": "double() {\n",
    "tests": "}\n",
    "stop_tokens": ["\n}"],
}
INFILLED = {
    "task_id": "SingleLineInfilling/HumanEval/0/L0",
    "prompt": "def double(x):\n",
    "suffix": "",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n",
    "entry_point": "double",
}


def table(*rows: dict[str, object]) -> bytes:
    """Rows as Parquet."""
    out = BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), out)
    return out.getvalue()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A hub that has three data sets."""
    monkeypatch.chdir(tmp_path)
    with Serving() as site:
        site.files[MBPP] = json.dumps([PROBLEM]).encode()
        site.files[SHELL] = table(dict(TRANSLATED))
        site.files[LINES] = table(dict(INFILLED))
        use(monkeypatch, tmp_path / "models", site.url, "http://127.0.0.1:9")
        yield site


@pytest.mark.parametrize(
    ("words", "path", "group"),
    [
        (("mbpp",), MBPP, "python"),
        (("multipl-e", "--lang", "bash"), SHELL, "shell"),
        (("infilling",), LINES, "python"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_benchmarks_data_are_fetched_once(
    words: tuple[str, ...],
    path: str,
    group: str,
    site: Site,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["eval", *words, "-m", "echo", "--json"]) == 0
    assert site.requests == [f"HEAD {path}", f"GET {path}"]
    assert main(["eval", *words, "-m", "echo", "--json", "--offline", "--out", "again"]) == 0
    assert len(site.requests) == 2
    for line in capfd.readouterr().out.splitlines():
        (found,) = json.loads(line)["groups"]
        assert (found["group"], found["problems"]) == (group, 1)


def test_every_language_but_that_of_humaneval_is_fetched(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    names = [
        "cpp",
        "cs",
        "d",
        "go",
        "java",
        "jl",
        "js",
        "lua",
        "php",
        "pl",
        "r",
        "rb",
        "rkt",
        "rs",
        "scala",
        "sh",
        "swift",
        "ts",
    ]
    for name in names:
        site.files[SHELL.replace("-sh/", f"-{name}/")] = table(dict(TRANSLATED, language=name))
    assert main(["eval", "multipl-e", "-m", "echo", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert [group["problems"] for group in told["groups"]] == [1] * 18
    assert len({group["group"] for group in told["groups"]}) == 18


def test_bytes_that_the_hub_does_not_state_are_no_data_set(
    site: Site, capfd: pytest.CaptureFixture[str]
) -> None:
    site.claims[SHELL] = table(dict(TRANSLATED, name="b"))
    assert main(["eval", "multipl-e", "--lang", "bash", "-m", "echo"]) == 69
    assert capfd.readouterr().err == (
        "error: cannot get the data set nuprl/MultiPL-E from 127.0.0.1: it sent other bytes than "
        "the model's (sha256 does not match); name a file that you have with --data\n"
    )
    place = datasets.dataset_file_path(
        "nuprl/MultiPL-E", "humaneval-sh/test-00000-of-00001.parquet"
    )
    assert not place.exists()


def test_a_transfer_goes_on_where_it_broke_off(site: Site) -> None:
    data = gzip.compress(bytes(range(256)) * 4000, mtime=0) * 3000
    site.files["/datasets/owner/name/resolve/main/rows.jsonl.gz"] = data
    site.cuts = [len(data) // 2]
    path = datasets.fetch_dataset_file("owner/name", "rows.jsonl.gz", "main", ignore_progress)
    assert sha256(path.read_bytes()).digest() == sha256(data).digest()
    assert any("bytes=" in asked for asked in site.requests)


def test_a_hub_that_has_no_such_data_set(site: Site) -> None:
    with pytest.raises(UnavailableError) as caught:
        datasets.fetch_dataset_file("owner/none", "rows.jsonl", "main", ignore_progress)
    assert caught.value.message == (
        "cannot get the data set owner/none from 127.0.0.1: "
        "it has no owner/none, or no such file there"
    )


def test_a_hub_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, tmp_path, closed_port(), "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="cannot get the data set owner/name"):
        datasets.fetch_dataset_file("owner/name", "rows.jsonl", "main", ignore_progress)
