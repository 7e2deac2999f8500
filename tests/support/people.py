"""Who runs a test: root may do everything, so that what is refused has to be tried by another."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Makes root nobody for the rest of the test; whoever is not root stays who it is.

    The current folder is an empty one of theirs.
    """
    root = not os.geteuid()

    def become() -> None:
        if root:
            os.setegid(NOBODY)
            os.seteuid(NOBODY)

    with tempfile.TemporaryDirectory(prefix="shared-") as folder:
        Path(folder).chmod(0o777)
        if root:
            os.chown(folder, NOBODY, NOBODY)
        monkeypatch.chdir(folder)
        try:
            yield become
        finally:
            if root:
                os.seteuid(0)
                os.setegid(0)
            Path(folder).chmod(0o777)
