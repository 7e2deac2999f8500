"""The man pages: as new as the program, and such as man can show."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "man").glob("*.1"))


def test_the_pages_are_as_new_as_the_program(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "manpages.py", tmp_path], check=True)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text(encoding="utf-8") for path in PAGES}
    assert committed == written, "run: python tools/manpages.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_shown_without_a_warning(page: Path) -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    command = ["groff", "-man", "-ww", "-Tutf8", str(page)]
    shown = subprocess.run(command, capture_output=True, check=True, text=True)
    assert shown.stderr == ""
    assert "replace" in shown.stdout or page.name != "starcoder-fill.1"
    assert shown.stdout.count("\n") > 10
