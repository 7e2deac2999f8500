"""What `make` installs: every package pinned, from the sources that the user's pip knows."""

import importlib.util
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import distribution, metadata
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from starcoder_cli.app.completion import SCRIPT_FOLDERS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def install() -> ModuleType:
    """tools/install.py, which is a script and in no package."""
    spec = importlib.util.spec_from_file_location("install", ROOT / "tools" / "install.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pins() -> dict[str, str]:
    """The version of each package in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def requirements(*tables: str) -> list[Requirement]:
    """What pyproject.toml names in these tables: to run, to develop and to build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = {
        "project": project["project"]["dependencies"],
        "extras": sum(project["project"]["optional-dependencies"].values(), []),
        "dependency-groups": project["dependency-groups"]["dev"],
        "build-system": project["build-system"]["requires"],
    }
    return [Requirement(line) for table in tables for line in lines[table]]


TABLES = ("project", "extras", "dependency-groups", "build-system")
ALL = [*requirements(*TABLES), Requirement("uv")]


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_requirement_is_pinned(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_torch_is_the_version_that_was_measured() -> None:
    assert pins()["torch"] == "2.13.0"


@pytest.mark.parametrize("requirement", requirements("project"), ids=str)
def test_the_page_on_models_tells_the_licence_of_each_part(requirement: Requirement) -> None:
    """As the part itself states it; the grammars of tree-sitter are told as one."""
    name = "tree-sitter" if "tree-sitter" in requirement.name else requirement.name
    rows = re.findall(r"\| (MIT|Apache|BSD)(.*)", (ROOT / "docs" / "models.md").read_text())
    (licence,) = [licence for licence, row in rows if re.search(rf"[ |]{name}[ ,]", row)]
    about = metadata(requirement.name)
    stated = [about["License-Expression"], about["License"], *about.get_all("Classifier", [])]
    assert re.search(rf"\b{licence}\b", " ".join(map(str, stated)))


def test_the_page_of_a_package_index_needs_no_other_file() -> None:
    """There the README stands alone: a picture or a page beside it could not be found."""
    about = distribution("starcoder-cli").read_text("METADATA") or ""
    _, _, page = about.partition("\n\n")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "![" in readme and "![" not in page
    assert page.startswith("# starcoder\n") and len(page) > 5000
    links = re.findall(r"\]\(([^)\s]+)\)", page)
    assert [link for link in links if not link.startswith("https://")] == []


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text


def test_pip_settings_take_the_environment_first(install: ModuleType) -> None:
    listing = (
        "global.index-url='https://index.example/simple'\n"
        "global.timeout='15'\n"
        "install.timeout='20'\n"
        "download.timeout='99'\n"
        ":env:.default-timeout='30'\n"
        ":env:.find-links='/wheels\\n/more=wheels'\n"
    )
    assert install.pip_settings(listing) == {
        "index-url": "https://index.example/simple",
        "timeout": "30",
        "find-links": "/wheels\n/more=wheels",
    }


def test_uv_is_told_what_pip_knows(install: ModuleType) -> None:
    settings = {
        "index-url": "https://index.example/simple",
        "extra-index-url": "file:///a/simple\nfile:///b/simple",
        "find-links": "/wheels /more",
        "cert": "/certificates.pem",
        "no-color": "true",
    }
    assert install.uv_environment(settings) == {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_INDEX": "file:///a/simple file:///b/simple",
        "UV_FIND_LINKS": "/wheels,/more",
        "SSL_CERT_FILE": "/certificates.pem",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_SYSTEM_CERTS": "1",
    }


def test_uv_looks_for_a_gpu_where_pip_names_no_source(install: ModuleType) -> None:
    assert install.uv_environment({"timeout": "30"}) == {
        "UV_HTTP_TIMEOUT": "30",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_SYSTEM_CERTS": "1",
        "UV_TORCH_BACKEND": "auto",
    }


@pytest.mark.skipif(not shutil.which("make"), reason="make is not here")
def test_old_python_is_one_clear_line(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(
        ["make", "--no-print-directory", "demo", "PYTHON=false"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    expected = "error: Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3"
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == expected
    assert not (tmp_path / ".venv").exists()


def test_the_wheel_has_the_completion_scripts_beside_the_modules() -> None:
    """Where app/completion.py looks first."""
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    folders = targets["targets"]["wheel"]["force-include"]
    assert folders == {"completions": "starcoder_cli/completions"}
    assert SCRIPT_FOLDERS[0].parts[-2:] == ("starcoder_cli", "completions")
    assert SCRIPT_FOLDERS[1] == ROOT / "completions"
