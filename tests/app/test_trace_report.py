"""Where a notice may be written."""

from pathlib import Path

import pytest

from starcoder_cli.app.trace import TraceResult
from starcoder_cli.app.trace_report import report_target, save_report
from starcoder_cli.errors import UsageError
from starcoder_cli.files.source import Source
from starcoder_cli.terminal.output import Messages


@pytest.mark.parametrize("name", ["notice.spdx", "notice.spdx.json"])
def test_a_notice_replaces_another_one_and_no_other_file(name: str, tmp_path: Path) -> None:
    path, source = tmp_path / name, Source("a.py", "a = 1\n")
    for _ in range(2):
        traced = TraceResult(source, source.raw, 1, [])
        save_report(report_target(str(path), source, Messages()), traced, 0)
        assert "SPDX" in path.read_text()
    path.write_text("{}")
    with pytest.raises(UsageError, match="exists already, and is not a notice; name another file"):
        report_target(str(path), source, Messages())
    assert path.read_text() == "{}"
    path.write_text("")
    assert report_target(str(path), source, Messages()).path == str(path)
