"""The whole way with the small model: real code in, what belongs there out.

Another processor may count a little differently, so that these tests ask for what any sensible
answer has in it.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from starcoder_cli.cli import main

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("real_model")]

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_a_gap_inside_a_line_ends_with_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["fill", f"{EXAMPLES / 'averages.py'}:15:12-15:37"]) == 0
    out, err = capfd.readouterr()
    assert ("max(values)" in out, "\n" in out, err) == (True, False, "")


def test_a_gap_of_whole_lines_ends_where_the_text_goes_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = EXAMPLES / "unique.go"
    before, after = path.read_text().split(
        "\t// TODO: handle the error, and close the file at the end"
    )
    assert main(["fill", f"{path}:13", "--echo"]) == 0
    out, err = capfd.readouterr()
    assert (out.startswith(before), out.endswith(after), err) == (True, True, "")
    answer = out.removeprefix(before).removesuffix(after)
    assert "err != nil" in answer and "return" in answer
    assert "var kept" not in answer and "```" not in answer


def test_a_completion_of_piped_text_as_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "starcoder_cli", "complete", "--json", "--max-tokens", "12"],
        input=b"for number in range(1, 11):\n    print(",
        capture_output=True,
    )
    assert (done.returncode, done.stderr, done.stdout.count(b"\n")) == (0, b"", 1)
    record = json.loads(done.stdout)
    assert "number" in record["text"]
    assert record["reason"] in ("stop", "length")
    assert 5 < record["tokens"]["prompt"] < 25
    assert 1 <= record["tokens"]["completion"] <= 12
    assert 0 < record["seconds"]["first_token"] < record["seconds"]["total"]
    assert (record["model"], record["seed"]) == ("qwen2.5-coder-0.5b", None)
