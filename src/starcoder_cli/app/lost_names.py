"""Which definitions and keys of some code are missing from new code, and whose code is gone.

Definitions are counted: a second one of the same name does not make up for a lost one.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from starcoder_cli.app.instruction_scope import has_word
from starcoder_cli.candidates.functions import Function, find_functions
from starcoder_cli.context.definitions import LANGUAGE_PATTERNS, find_definitions
from starcoder_cli.postprocess.lost_lines import Comparison, Line

KEY_PATTERNS: Mapping[str, str] = {
    "json": r'"(?P<name>(?:[^"\\\n]|\\.)+)"\s*:',
    "yaml": r"^[ \t]*(?:-[ \t]+)*(?P<name>[\w./-]+|'[^'\n]+'|\"[^\"\n]+\")[ \t]*:(?=\s)",
    "toml": r"^[ \t]*(?:\[+[ \t]*)?(?P<name>[\w.\"'-]+)[ \t]*[=\]]",
}

BLOCK = re.compile(
    r"^(?!(?:if|else|elsif|elseif|unless|for|foreach|while|until|switch|match|when|try|do|return)\b)"
    r"(?P<head>[\w.#][^\n]{0,200})\{[ \t]*$|^(?P<target>[\w./-]+)[ \t]*:(?!=)[^\n]*\n\t",
    re.MULTILINE,
)
"""Matches what begins a block at the margin, or a target of a Makefile."""

BLOCK_NAME = re.compile(
    r'.*"(?P<text>[\w./-]+)"$|[^:(=<]*?(?P<name>[\w-]{1,100})\s*(?:[:(=<]|(?:is|extends|with)\b|$)'
)
"""Matches the name of a block: its last text, or the last word before what is said of it."""

ANONYMOUS_FUNCTION = re.compile(r"\bfunction\b|=>|->|\blambda\b|\bfunc\s*\(|(\bdo|\{)\s*\|")
"""Matches what a named function may have become."""

BROUGHT = r"(?<!\w){name}(?!\w)['\"]?\s*[:=]|import\b.*(?<!\w){name}(?!\w)"


@dataclass(frozen=True)
class DefinedName:
    """A name, the line that defines it, counted from 0, and the type that it belongs to.

    The owner is empty if there is none or it is not known. A name that `is_counted` is lost if one
    of its definitions is, otherwise only if all of them are, and one that `is_of_block` only if the
    new code has no such word.
    """

    text: str
    line: int
    owner: str = ""
    is_counted: bool = False
    is_of_block: bool = False

    @property
    def is_constructor(self) -> bool:
        """Whether it creates a value of its type, which a record or a data class does without."""
        return self.text in ("__init__", "constructor", "initialize", self.owner)


def find_lost_names(
    compared: Comparison, language: str, *, writes_anew: bool = False
) -> list[DefinedName]:
    """The names that new code defines fewer times, with nothing in their place.

    A name does not count if a new line brings it, or a changed line merely lost it. A name with
    several definitions that belongs to a lost type goes with it.
    """
    before, after = (list_names(code, language) for code in (compared.original, compared.text))
    if language in KEY_PATTERNS and len(after) >= len(before):
        return []
    missing = Counter(each.text for each in before) - Counter(each.text for each in after)
    for name in find_brought(missing, compared, before, after):
        del missing[name]
    if language not in KEY_PATTERNS:
        for name in find_changed_words(compared):
            del missing[name]
    known = {each.text for each in after}
    left = lost_line_numbers(compared, before, after, writes_anew=writes_anew)
    lost = list[DefinedName]()
    for each in before:
        if not missing[each.text] or each.line not in left:
            continue
        if each.is_of_block and has_word(each.text, compared.text):
            continue
        if each.text not in known or (each.is_counted and is_body_gone(each, compared, left)):
            missing[each.text] -= 1
            lost.append(each)
    types = {each.text for each in lost if each.text != each.owner}
    return [each for each in lost if each.text not in known or each.owner not in types]


def is_body_gone(name: DefinedName, compared: Comparison, left: AbstractSet[int]) -> bool:
    """Whether more of a definition is gone than its first line; else it was merged with another."""
    lines = [line for line in compared.old if line.number >= name.line][:2]
    if len(lines) < 2 or lines[1].indent <= lines[0].indent:
        return True
    return lines[1].number in left


def describe_name(name: DefinedName, compared: Comparison, language: str) -> str:
    """Describe a lost name; if it has several definitions, include the line that defines it."""
    count = sum(each.text == name.text for each in list_names(compared.original, language))
    if count == 1 or language in KEY_PATTERNS:
        return f"{name.text!r}, which the code defines"
    line = compared.original.split("\n")[name.line].strip()
    return f"{line!r}, one of {count} that define {name.text!r}"


def find_changed_words(compared: Comparison) -> AbstractSet[str]:
    """The words that changed lines have lost."""
    pairs = ((compared.old[one], compared.new[other]) for one, other in compared.pairs)
    return {word for old, new in pairs for word in old.words - new.words}


def find_brought(
    names: Iterable[str],
    compared: Comparison,
    before: Sequence[DefinedName],
    after: Sequence[DefinedName],
) -> AbstractSet[str]:
    """The given names that a new line, or another owner, defines, imports or assigns."""
    same = {new for old, new in compared.pairs if compared.old[old].text == compared.new[new].text}
    lines = {line.number: line.text for at, line in enumerate(compared.new) if at not in same}
    text = "\n".join(lines.values())
    moved = Counter((each.owner, each.text) for each in after)
    moved -= Counter((each.owner, each.text) for each in before)
    defined = {each.text for each in after if each.line in lines or moved[each.owner, each.text]}
    bound = {name for name in names if re.search(BROUGHT.format(name=re.escape(name)), text)}
    return defined | bound


def lost_line_numbers(
    compared: Comparison,
    before: Sequence[DefinedName],
    after: Sequence[DefinedName],
    *,
    writes_anew: bool,
) -> AbstractSet[int]:
    """The numbers of the lines that are gone, and of changed ones that define several names.

    Unless the code is written anew, lines are gone too if what is in their place has words of
    theirs, but defines nothing.
    """
    counts = Counter(each.line for each in before)
    crowded = {number for number, count in counts.items() if count > 1}
    defining = {each.line for each in after}
    gaps = [
        gap
        for gap in compared.gaps
        if gap.is_open or not (writes_anew or any(is_defining(line, defining) for line in gap.put))
    ]
    return {line.number for gap in gaps for line in gap.gone} | crowded


def is_defining(line: Line, defining: AbstractSet[int]) -> bool:
    """Whether a line defines something, or begins a function without a name."""
    return line.number in defining or bool(ANONYMOUS_FUNCTION.search(line.text))


def list_names(text: str, language: str) -> list[DefinedName]:
    """The names that a text defines, with repetitions: functions, types, keys of data."""
    if pattern := KEY_PATTERNS.get(language):
        matches = re.finditer(pattern, text, re.MULTILINE)
        return [
            DefinedName(each["name"], text.count("\n", 0, each.start("name"))) for each in matches
        ]
    functions, definitions = find_functions(text, language), find_definitions(text, language)
    places = {(each.line, each.name) for each in functions}
    names = [DefinedName(each.name, each.line, each.owner, is_counted=True) for each in functions]
    names += [
        DefinedName(each.name, each.line, is_counted=not functions)
        for each in definitions
        if (each.line, each.name) not in places
    ]
    if language not in LANGUAGE_PATTERNS:
        lines = {each.line for each in names}
        names += [each for each in list_blocks(text) if each.line not in lines]
    return sorted(names, key=lambda each: each.line)


def list_blocks(text: str) -> Iterator[DefinedName]:
    """The blocks at the margin of a text, by their names, in whatever language it is."""
    line = end = 0
    for match in BLOCK.finditer(text):
        line, end = line + text.count("\n", end, match.start()), match.start()
        found = BLOCK_NAME.match((match["head"] or match["target"])[:201].rstrip())
        if found:
            yield DefinedName(found["text"] or found["name"], line, is_of_block=True)


def find_emptied_function(compared: Comparison, language: str) -> str:
    """The first function that does something in the old code, and nothing in the new."""
    before, after = (find_functions(code, language) for code in (compared.original, compared.text))
    working, idle = count_by_work(before)
    new_working, new_idle = count_by_work(after)
    for name in working - new_working:
        if new_idle[name] > (idle[name] if new_working[name] else 0):
            return name
    return ""


def count_by_work(functions: Iterable[Function]) -> tuple[Counter[str], Counter[str]]:
    """How many functions of each name do something, and how many do nothing."""
    working, idle = Counter[str](), Counter[str]()
    for each in functions:
        (working if each.is_working else idle)[each.name] += 1
    return working, idle
