"""Write each StarCoder model's memory needs into docs/models.md, as the program computes them.

`python tools/memory.py` replaces the table between the two memory comments. Run it after changing
`placement.py` or `architectures.py`: a test compares the table with what is written here.
"""

from pathlib import Path

from starcoder_cli.engines.transformers.architectures import SHAPES, Shape
from starcoder_cli.engines.transformers.placement import (
    QUANTIZATION_CHOICES,
    REFERENCE_WINDOW,
    gigabytes,
    required_bytes,
)

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
BEGIN, END = "<!-- memory:begin -->\n", "<!-- memory:end -->"


def table() -> str:
    """A row for each size of model, shared by models of the same size."""
    names: dict[Shape, list[str]] = {}
    for name, shape in SHAPES.items():
        names.setdefault(shape, []).append(f"`{name}`")
    rows = [[", ".join(same), *needs(shape)] for shape, same in names.items()]
    lines = [["model", "bf16", "8 bit", "4 bit"], ["---"] * 4, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def needs(shape: Shape) -> list[str]:
    """How much memory a model needs in each form."""
    return [
        gigabytes(required_bytes(shape.model_size(), form, "bf16", REFERENCE_WINDOW))
        for form in QUANTIZATION_CHOICES["auto"]
    ]


def updated(text: str) -> str:
    """The page with the current table."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
