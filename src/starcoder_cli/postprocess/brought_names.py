"""The names that code introduces, line by line: by an import, a definition or a value.

Fast, the same for all languages, and right often enough to tell that a name comes from nowhere.
"""

import re

WORD = re.compile(r"[^\W\d]\w*")

_MODIFIERS = r"(?:(?:export|default|public|private|static|async|pub)\s+)*"
IMPORT = re.compile(
    r"\s*+(?:from\s++\S++\s++import\s++(?P<listed>.*)|import\s++(?P<bound>.*?)\sfrom\b.*"
    r"|(?:import|use|using|require|#\s*include)\b(?P<whole>.*))"
)
DEFINITION = re.compile(
    rf"\s*{_MODIFIERS}(?:def|class|function\*?|fn|func|fun|struct|enum|interface|trait|type)\s+"
    r"(?P<names>[^\W\d]\w*)"
)
VALUE = re.compile(
    rf"\s*{_MODIFIERS}(?:(?:const|let|var|val|final|my|local)\s+)?"
    r"(?P<names>[^\W\d]\w*)\s*(?::[^=]+)?:?=[^=]"
)


def find_words(text: str) -> set[str]:
    """The names in a text."""
    return set(WORD.findall(text))


def find_brought_names(code: str, *, with_values: bool = True) -> set[str]:
    """The names that lines of code introduce."""
    names = set[str]()
    for line in code.splitlines():
        names |= find_imported_names(line)
        for match in (DEFINITION.match(line), with_values and VALUE.match(line)):
            if match:
                names.add(match["names"])
    return names


def find_imported_names(line: str) -> set[str]:
    """The names that an import introduces: those in its list, else the last one of its path."""
    match = IMPORT.match(line)
    if not match:
        return set()
    whole = match["whole"] or ""
    if listed := match["listed"] or match["bound"] or whole.partition("{")[2]:
        return find_words(listed)
    return set(WORD.findall(whole)[-1:])
