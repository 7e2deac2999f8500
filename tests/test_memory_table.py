"""The table of memory in docs/models.md is what the program computes."""

import importlib.util
from pathlib import Path

from starcoder_cli.engines.transformers.architectures import SHAPES
from starcoder_cli.engines.transformers.placement import REFERENCE_WINDOW, gigabytes, required_bytes

ROOT = Path(__file__).parent.parent


def test_the_page_has_the_table_as_the_program_computes_it() -> None:
    spec = importlib.util.spec_from_file_location("memory", ROOT / "tools" / "memory.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert page == tool.updated(page), "run: python tools/memory.py"
    assert all(f"`{name}`" in tool.table() for name in SHAPES)
    starcoder = SHAPES["starcoder"].model_size()
    row = " | ".join(
        gigabytes(required_bytes(starcoder, form, "bf16", REFERENCE_WINDOW))
        for form in tool.QUANTIZATION_CHOICES["auto"]
    )
    assert f"| `starcoder`, `starcoderbase`, `starchat-beta` | {row} |\n" in page
