"""What an answer for a range repeats of the code around it: it would be there twice."""

import re

from starcoder_cli.app.lost_names import KEY_PATTERNS, list_names
from starcoder_cli.files.source import Source, Span
from starcoder_cli.languages import Language
from starcoder_cli.postprocess.code_block import stripped_lines

TABLE = re.compile(r"\[.*\]")
"""A header of TOML, which what follows belongs to without being indented."""


def find_repeated_head(text: str, source: Source, span: Span, language: Language) -> str:
    """The head of a definition around a range that an answer has too; empty if there is none."""
    lines = stripped_lines(text)
    if language.name in KEY_PATTERNS:  # other parts of such a file may have the same keys
        lines = lines[:1]
    repeated = set(lines) - set(stripped_lines(source.raw[span.start : span.end]))
    heads = find_heads_around(source.raw, span, language)
    return next((head for head in heads if head in repeated), "")


def find_heads_around(raw: str, span: Span, language: Language) -> list[str]:
    """The first lines of the definitions, keys and tables that a range is in, innermost first."""
    start = raw.rfind("\n", 0, span.start) + 1
    before = raw[:start].expandtabs().split("\n")[:-1]
    inside = raw[start : span.end].expandtabs().split("\n")
    first = next((line for line in inside if line.strip()), "")
    indent, heads = measure_indent(first), list[str]()
    defining = {each.line for each in list_names(raw, language.name)}
    for number in reversed(range(len(before))):
        line = before[number]
        is_table = language.name == "toml" and TABLE.fullmatch(line.strip())
        if not line.strip() or not (is_table or measure_indent(line) < indent):
            continue
        if is_table or number in defining:
            heads.append(line.strip())
        if is_table:
            break
        indent = measure_indent(line)
    return heads


def measure_indent(line: str) -> int:
    """How far a line is indented, in columns."""
    return len(line) - len(line.lstrip())
