"""A Jupyter notebook as readable text: the contents of its cells, without the JSON."""

from bisect import bisect
from dataclasses import dataclass
from pathlib import PurePath

from starcoder_cli.errors import DataError, UsageError
from starcoder_cli.files.notebook import (
    PLAIN_TEXT_HINT,
    Cell,
    context_text,
    is_notebook,
    kernel_language,
    match_notebook_place,
    parse_cells,
    place_in_cell,
)
from starcoder_cli.files.read import STANDARD_INPUT
from starcoder_cli.files.source import Place, Source
from starcoder_cli.languages import Language, find_language
from starcoder_cli.system.counting import numbered


@dataclass(frozen=True)
class NotebookText(Source):
    """The text of one cell, or of all cells in the notebook's language, prose as comments.

    `cells` has each cell's number and the line of the text, from 1, where it starts.
    """

    language: Language
    cells: tuple[tuple[int, int], ...]

    def code_name(self, filename: str | None) -> str:
        """The notebook's name with the extension of the text's language."""
        name = filename or ("notebook" if self.name == STANDARD_INPUT else self.name)
        return str(PurePath(name).with_suffix(self.language.extensions[0]))

    def line_name(self, line: int) -> str:
        """Name a line of the text as `CELL:LINE`."""
        at = bisect([begin for _, begin in self.cells], line) - 1
        number, begin = self.cells[max(at, 0)] if self.cells else (1, 1)
        return f"{number}:{max(line - begin + 1, 1)}"


def read_text(text: str, lang: str | None = None) -> tuple[Source, Place]:
    """The source of a place, with a notebook as the text of its cells, and the place in it.

    `x.ipynb:CELL` and `x.ipynb:CELL:LINE` are places in the text of that cell alone. With the
    language `json` it is read like any file. Raises what `Source.read` raises, DataError if it is
    not a notebook, UsageError for a missing cell.
    """
    match = match_notebook_place(text)
    if match is None:
        place = Place.parse(text)
        return Source.read(place.path), place
    source = Source.read(match["path"])
    if lang == "json" or not is_notebook(source, None):
        return source, Place.parse(text)
    number = int(match["cell"]) if match["cell"] else None
    return notebook_text(source, number), place_in_cell(match, source.name)


def notebook_text(source: Source, number: int | None = None) -> Source:
    """A notebook as the text of its cells, or of the given cell; other sources are unchanged.

    Raises DataError for an invalid notebook with a notebook's name, UsageError for a missing cell.
    """
    if not is_notebook(source, None):
        return source
    try:
        cells = parse_cells(source)
    except DataError as error:
        if error.hint != PLAIN_TEXT_HINT:
            raise
        raise DataError(error.message, "a copy that ends in .txt is read as text") from error
    language = kernel_language(source)
    if number is None:
        return all_cells(source.name, cells, language)
    if not 1 <= number <= len(cells):
        raise UsageError(
            f"{source.display_name} has no cell {number}",
            numbered(len(cells), "cell") if cells else "add one to it",
        )
    cell = cells[number - 1]
    if cell.kind != "code":
        language = find_language("markdown" if cell.kind == "markdown" else "text")
    return NotebookText(source.name, cell.text, language, ((number, 1),))


def all_cells(name: str, cells: list[Cell], language: Language) -> NotebookText:
    """Join the cells, each after a comment with its number, such as `# %% cell 3`."""
    raw, begins = "", []
    for number, cell in enumerate(cells, 1):
        text = context_text(cell, language, "code").rstrip()
        if not text:
            continue
        head = f"{language.comment.format_line(f'%% cell {number}')}\n" if language.comment else ""
        raw += f"\n{head}" if raw else head
        begins.append((number, raw.count("\n") + 1))
        raw += f"{text}\n"
    return NotebookText(name, raw, language, tuple(begins))
