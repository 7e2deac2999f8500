"""What the documents point to exists, what is generated is up to date, and the site builds."""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from starcoder_cli.server.http_routes import HTTP_ROUTES

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "starcoder_cli"
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(ROOT.glob("docs/*.md")),
]
# A path that a document names without a link to it; `NAME` stands for whatever is added.
NAMED_PATH = re.compile(
    r"`((?:bench|completions|docs|examples|src|tests|tools)/(?!\S*NAME)[\w./-]*)`"
)
ROOM = re.compile(r"`([a-z_/]+(?:\.py|/))`")
LINK = re.compile(r"\]\(([^)\s]+)\)")

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
)


def prose(document: Path) -> str:
    """A document without its blocks of code."""
    text = document.read_text(encoding="utf-8")
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """What a link can name in a document: its headings, in lower case and with hyphens."""
    headings = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    words = [re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings]
    return {re.sub(r"\s+", "-", each.strip()) for each in words}


def broken_links(document: Path) -> Iterator[str]:
    """The relative links of a document that lead nowhere."""
    for link in LINK.findall(prose(document)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """tools/reference.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


@each_document
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    assert list(broken_links(document)) == []


@each_document
def test_every_path_that_is_named_exists(document: Path) -> None:
    named = NAMED_PATH.findall(document.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_links_are_found_where_they_are(tmp_path: Path) -> None:
    """The tests above look at something, and see what is wrong."""
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b`: c\n\n[1](page.md#a-b-c) [2](#none) [3](no.md)\n\n```sh\n[4](x)\n```\n"
    )
    assert list(broken_links(page)) == ["#none", "no.md"]
    assert NAMED_PATH.findall("see `tests/none.py` and `mean.py`") == ["tests/none.py"]


def test_every_document_is_reached_from_the_readme() -> None:
    linked = set(LINK.findall(prose(ROOT / "README.md")))
    pages = {f"docs/{path.name}" for path in ROOT.glob("docs/*.md")} - {"docs/index.md"}
    assert pages | {"CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} <= linked


def test_the_images_of_the_readme_are_where_a_reader_finds_them() -> None:
    """Relative as long as the project has no public address; a package index shows absolute ones.

    That the relative ones exist is tested with the links.
    """
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)", prose(ROOT / "README.md"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    absolute = [image for image in images if image.startswith("https://")]
    assert images
    assert absolute == (images if "urls" in project else [])


def test_the_architecture_names_files_and_rooms_that_exist() -> None:
    """And each of them, in the table of rooms."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    places = (ROOT, SOURCE, SOURCE / "engines")
    named = ROOM.findall(page)
    assert [name for name in named if not any((place / name).exists() for place in places)] == []
    table = page[page.index("## The rooms") : page.index("## How a token flows")]
    rooms = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in SOURCE.iterdir()
        if path.name[:2] != "__" and (path.is_dir() or path.suffix == ".py")
    }
    assert rooms <= set(ROOM.findall(table))


def test_the_reference_is_that_of_the_program(reference: ModuleType) -> None:
    page = reference.PAGE.read_text(encoding="utf-8")
    assert page == reference.updated(page), "run: python tools/reference.py"
    assert "| `--max-tokens N` |" in page and "\n| 78 | configuration |" in page


def test_every_variable_of_the_program_is_in_the_reference(reference: ModuleType) -> None:
    """Those of options are there by themselves; the others are listed by hand."""
    read = {
        name
        for path in SOURCE.rglob("*.py")
        for name in re.findall(r'"(STARCODER_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    ours = {name for name in reference.OTHER_VARIABLES if name.startswith("STARCODER_")}
    assert read == ours


def test_every_route_of_the_http_api_is_on_its_page() -> None:
    """And no other."""
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    table = page[page.index("| whose API |") : page.index("A completion request")]
    routes = {route for route in HTTP_ROUTES if "{" not in route}
    assert set(re.findall(r"`(/[\w/]+)`", table)) == routes


@pytest.mark.parametrize("name", ["configuration.md", "server.md"])
def test_the_configuration_files_of_the_pages_are_understood(name: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    path = tmp_path / "config.toml"
    path.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "starcoder_cli", "fill", "--show-prompt", "-", "--at", "X"],
        env={**os.environ, "STARCODER_CONFIG": str(path), "STARCODER_MODEL": "echo"},
        input=b"a = X\n",
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"a = " in done.stdout


@pytest.mark.skipif(not find_spec("material"), reason="mkdocs-material is not installed")
def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    pages = {path.stem: path.read_text("utf-8") for path in (tmp_path / "site").glob("*.html")}
    assert {path.stem for path in ROOT.glob("docs/*.md")} <= pages.keys()
    loaded = r"<(?:link|script|img|iframe)\b[^>]*\b(?:href|src)=[\"']?https?:[^>]*>"
    assert {name: re.findall(loaded, page) for name, page in pages.items()} == dict.fromkeys(
        pages, []
    )
