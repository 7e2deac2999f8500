"""Who runs a test: root may do everything, so that what is refused has to be tried by another."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = 65534


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Makes root nobody for the rest of the test; the current folder is one that all may use."""
    if os.geteuid():
        pytest.skip("only root can be somebody else")

    def become() -> None:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)

    with tempfile.TemporaryDirectory(prefix="shared-") as folder:
        Path(folder).chmod(0o777)
        monkeypatch.chdir(folder)
        try:
            yield become
        finally:
            os.seteuid(0)
            os.setegid(0)
