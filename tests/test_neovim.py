"""Neovim's own client: a completion that is shown, accepted and undone, and an edit."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import COMMAND

NVIM = shutil.which("nvim")
pytestmark = pytest.mark.skipif(NVIM is None, reason="nvim is not installed")

PAGE = (Path(__file__).parents[1] / "docs" / "lsp.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"^```lua\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CODE = "def add(a, b):\n    return \n"
SECONDS = 60


class Neovim:
    """A Neovim that runs without a screen, and takes keys and expressions."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)

    def _ask(self, flag: str, text: str) -> str:
        done = subprocess.run(
            [str(NVIM), "--server", self._socket, flag, text], capture_output=True, text=True
        )
        return done.stdout + done.stderr

    def keys(self, keys: str) -> None:
        """Type."""
        self._ask("--remote-send", keys)

    def value(self, expression: str) -> str:
        """What a Vim expression is."""
        return self._ask("--remote-expr", expression)

    def until(self, expression: str, value: str) -> None:
        """Wait until an expression has a value."""
        deadline = time.monotonic() + SECONDS
        while (found := self.value(expression)) != value:
            assert time.monotonic() < deadline, f"{expression} is {found!r}"
            time.sleep(0.1)

    @property
    def text(self) -> str:
        """The text of the buffer."""
        return self.value('join(getline(1, "$"), "\\n")')


@pytest.fixture
def neovim() -> Iterator[Neovim]:
    """One whose server is ours, by the recipe of the page for 0.11, on a file with code."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        (folder / "a.py").write_text(CODE)
        command = ", ".join(repr(word) for word in (*COMMAND, "lsp", "-m", "echo"))
        start = RECIPES[0].partition("vim.lsp.enable")[0].replace("'starcoder', 'lsp'", command)
        wanted = start.replace("root_markers", "filetypes = { 'python' }, root_markers")
        (folder / "init.lua").write_text(wanted + RECIPES[1])
        socket = folder / "socket"
        words = ["--headless", "--clean", "-u", "init.lua", "--listen", str(socket), "a.py"]
        with subprocess.Popen(
            [str(NVIM), *words],
            cwd=folder,
            env={**os.environ, "HOME": name, "XDG_STATE_HOME": name},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            running = Neovim(socket)
            running.until("maparg('<C-Space>', 'i') != ''", "1")
            try:
                yield running
            finally:
                running.keys("<C-\\><C-n>:qall!<CR>")
                assert process.wait(SECONDS) == 0


def test_a_completion_is_shown_accepted_and_undone(neovim: Neovim) -> None:
    neovim.keys("jA<C-Space>")
    neovim.until("pumvisible()", "1")
    neovim.keys("<C-n><C-y>")
    neovim.until("pumvisible()", "0")
    neovim.until("line('$')", "3")
    assert neovim.text == CODE[:-1] + CODE[:-1]  # what `echo` says: the text before the cursor
    neovim.keys("<C-\\><C-n>u")
    assert neovim.text == CODE.rstrip("\n")


def test_an_edit_is_applied_and_undone(neovim: Neovim) -> None:
    neovim.keys(
        "ggVG<Cmd>lua vim.lsp.buf.code_action({apply = true, filter = function(action) "
        "return action.title:find('simpler') ~= nil end})<CR>"
    )
    neovim.until("getline(1)", "<|im_start|>user")
    neovim.keys("<C-\\><C-n>u")
    assert neovim.text == CODE.rstrip("\n")
