"""A cell of a Jupyter notebook as a source: its text, after that of the cells before it.

Edits to the cell are written into the notebook's text, which otherwise stays byte for byte the
same. The format: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath

from starcoder_cli.errors import DataError, MalformedError, UsageError
from starcoder_cli.files.encoding import SURROGATE
from starcoder_cli.files.json_text import JsonStyle, json_children, skip_space
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import BYTE_ORDER_MARK, Place, Source, Span
from starcoder_cli.files.strict_json import parse_object
from starcoder_cli.languages import Language, detect_language, find_language
from starcoder_cli.system.counting import numbered

NOTEBOOK_PLACE = re.compile(
    r"(?P<path>.+?\.ipynb|-)(?::(?P<cell>\d{1,9})(?::(?P<lines>.+))?)?",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
MAGIC = re.compile(r"^([ \t]*)([%!].*)$", re.MULTILINE)
PLAIN_TEXT_HINT = "with --lang json it is read as text"


def read_place(
    text: str, filename: str | None = None, lang: str | None = None, marker: str | None = None
) -> tuple[Source, Place]:
    """The source of a place, a cell if it is in a notebook, and the place in that source.

    Without a number it is the cell with the marker, else the last code cell. Raises what
    `Source.read` raises, DataError if it is not a notebook, UsageError for a missing cell.
    """
    match = match_notebook_place(text)
    if match is None:
        place = Place.parse(text) if marker is None else Place(text)
        return Source.read(place.path), place
    source = Source.read(match["path"])
    if lang == "json" or not is_notebook(source, filename):
        return source, Place.parse(text)
    number = int(match["cell"]) if match["cell"] else None
    return find_cell(source, number, filename, marker), place_in_cell(match, source.name)


def find_place_file(text: str) -> str:
    """The path of a place's file; raises UsageError if it names none."""
    match = match_notebook_place(text)
    return match["path"] if match else Place.parse(text).path


def match_notebook_place(text: str) -> "re.Match[str] | None":
    """Match a possible place in a notebook; None if the text itself is a file's name."""
    match = NOTEBOOK_PLACE.fullmatch(text)
    return None if match and match["cell"] and os.path.lexists(text) else match


def place_in_cell(match: "re.Match[str]", path: str) -> Place:
    """The place inside a cell; raises UsageError if it is malformed."""
    if match["cell"] is None:
        return Place(path)
    name = f"{path}:{int(match['cell'])}"
    if match["lines"] is None:
        return Place(name)
    problem = UsageError(f"{match.string!r} is not a place in a cell", f"write {name}:LINE[:COL]")
    try:
        place = Place.parse(f"{path}:{match['lines']}")
    except UsageError as error:
        raise problem from error
    if place.start is None:
        raise problem
    return replace(place, path=name)


def is_notebook(source: Source, filename: str | None) -> bool:
    """Whether a source is a notebook, by its name or, if it has none, by its content."""
    if filename or source.name != STANDARD_INPUT:
        return (filename or source.name).lower().endswith(".ipynb")
    return source.raw.lstrip().startswith("{") and '"nbformat"' in source.raw


@dataclass(frozen=True)
class NotebookCell(Source):
    """A cell by its number, from 1; its text is the end of `raw`, after `context`.

    `notebook` is the text of the file, in which the cell's source is the JSON at `value`;
    `language` is the language of the cell.
    """

    context: str
    notebook: str
    value: Span
    number: int
    language: Language

    @property
    def display_name(self) -> str:
        return f"cell {self.number} of {super().display_name}"

    @property
    def begin(self) -> int:
        return len(self.context)

    @property
    def document(self) -> str:
        return self.notebook

    def code_name(self, filename: str | None) -> str:
        """The notebook's name with the extension of the cell's language."""
        name = filename or ("notebook" if self.name == STANDARD_INPUT else self.name)
        return str(PurePath(name).with_suffix(self.language.extensions[0]))

    def span_of(self, place: Place) -> Span:
        """The range of a place; a place that is just the cell means all of it."""
        if place.start is not None:
            return super().span_of(place)
        if place.path == self.name:
            form = f"write {self.name}:CELL or {self.name}:CELL:LINE, cells from 1"
            raise UsageError(
                f"{super().display_name} is a notebook, and no cell of it is named",
                "mark the place and use --at" if self.name == STANDARD_INPUT else form,
            )
        return self.whole_span()

    def replaced(self, span: Span, text: str) -> str:
        """Replace a range of the cell and return the whole notebook."""
        style = JsonStyle.of(self.notebook, self.value.start)
        literal = self.notebook[self.value.start : self.value.end]
        new = style.rewrite(literal, span.start - self.begin, span.end - self.begin, text)
        return self.notebook[: self.value.start] + new + self.notebook[self.value.end :]


def find_cell(
    source: Source, number: int | None, filename: str | None, marker: str | None
) -> NotebookCell:
    """Find a cell by number, else the one with the marker, else the last code cell.

    Raises DataError if the source is not a notebook, UsageError if there is no such cell.
    """
    cells, wanted = parse_cells(source), f"cell {number}"
    if number is None:
        marked = [at for at, cell in enumerate(cells, 1) if marker and marker in cell.text]
        codes = [at for at, cell in enumerate(cells, 1) if cell.kind == "code"]
        number, wanted = (marked if len(marked) == 1 else codes or [0])[-1], "cell with code"
    if not 1 <= number <= len(cells):
        cell_numbers = numbered(len(cells), "cell") if cells else "add one to it"
        raise UsageError(f"{source.display_name} has no {wanted}", cell_numbers)
    cell, language = cells[number - 1], kernel_language(source)
    earlier = [context_text(each, language, cell.kind) for each in cells[: number - 1]]
    context = "".join(f"{text.rstrip()}\n\n" for text in earlier if text.strip())
    if cell.kind != "code":
        language = find_language("markdown" if cell.kind == "markdown" else "text")
    return NotebookCell(
        source.name, context + cell.text, context, source.raw, cell.value, number, language
    )


@dataclass(frozen=True)
class Cell:
    """A cell: its kind (`code`, `markdown` or `raw`), its text, and its span in the JSON."""

    kind: str
    text: str
    value: Span


def parse_cells(source: Source) -> list[Cell]:
    """Parse the cells of a notebook; raises DataError if it is invalid or incomplete."""
    text = source.raw
    begin = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
    try:
        notebook = parse_object(text[begin:].encode("utf-8", "surrogateescape"))
    except MalformedError as wrong:
        raise DataError(
            f"{source.display_name} is not a notebook: {wrong}", PLAIN_TEXT_HINT
        ) from wrong
    if "worksheets" in notebook:
        raise DataError(
            f"{source.display_name} is a notebook of an old form",
            "convert it with: jupyter nbconvert --to notebook",
        )
    values = dict(json_children(text, skip_space(text, begin)))
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise DataError(f"{source.display_name} is a notebook without cells", PLAIN_TEXT_HINT)
    parsed = []
    for number, (cell, (_, where)) in enumerate(
        zip(cells, json_children(text, values["cells"].start), strict=True), 1
    ):
        lines = cell.get("source") if isinstance(cell, dict) else None
        lines = [lines] if isinstance(lines, str) else lines
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise DataError(
                f"cell {number} of {source.display_name} has no source", PLAIN_TEXT_HINT
            )
        joined = "".join(lines)
        if SURROGATE.search(joined):
            raise DataError(
                f"cell {number} of {source.display_name} has half a character in it",
                PLAIN_TEXT_HINT,
            )
        value = dict(json_children(text, where.start))["source"]
        parsed.append(Cell(str(cell.get("cell_type")), joined, value))
    return parsed


def kernel_language(source: Source) -> Language:
    """The language of a notebook's code, from its metadata; Python if they do not say."""
    notebook = json.loads(source.raw.removeprefix(BYTE_ORDER_MARK))
    metadata = as_mapping(notebook.get("metadata"))
    info, kernel = (as_mapping(metadata.get(name)) for name in ("language_info", "kernelspec"))
    found = detect_language(f"cell{info.get('file_extension')}")
    for name in (info.get("name"), kernel.get("language")):
        if found is None and isinstance(name, str):
            try:
                found = find_language(name)
            except UsageError:
                continue
    return found or find_language("python")


def as_mapping(value: object) -> Mapping[str, object]:
    """A JSON object, or an empty one for any other value."""
    return value if isinstance(value, dict) else {}


def context_text(cell: Cell, language: Language, kind: str) -> str:
    """A cell as context for a cell of a kind: prose as comments in code, code as fenced blocks.

    Code that only the notebook understands, such as `%matplotlib inline`, becomes a comment too.
    """
    if kind != "code":
        return f"```{language.name}\n{cell.text}\n```" if cell.kind == "code" else cell.text
    comment = language.comment
    if cell.kind == "code" and not cell.text.startswith("%%"):
        if comment is None:
            return cell.text
        return MAGIC.sub(lambda match: match[1] + comment.format_line(match[2]), cell.text)
    return comment.format_block(cell.text) if comment and cell.kind in ("code", "markdown") else ""
