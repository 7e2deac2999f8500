"""Fill every `...` of a Python file with a model on this machine: python fill_holes.py FILE."""

import re
import sys
from pathlib import Path

import starcoder_cli


def main(path: Path, model_name: str = "qwen2.5-coder-0.5b") -> None:
    """Print the file with an answer in place of each line that is `...` alone."""
    text = path.read_text()
    with starcoder_cli.load(model_name) as model:
        while match := re.search(r"^[ \t]+(\.\.\.)$", text, re.MULTILINE):
            start, end = match.span(1)
            answer = model.fill(text[:start], text[end:], filename=path.name)
            text = text[:start] + (answer.text.strip() or "pass") + text[end:]
    print(text, end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
