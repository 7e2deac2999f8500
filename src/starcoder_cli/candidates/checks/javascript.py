"""What a JavaScript file says about the function that a hole is in, and how it is called.

Types are those of JSDoc (`@param {number[]} values`).
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from starcoder_cli.candidates.checks.arguments import KnownValues, Parameter, make_arguments
from starcoder_cli.candidates.checks.evidence import Evidence, find_prose_examples
from starcoder_cli.candidates.parser_process import in_parser_process
from starcoder_cli.candidates.syntax import find_grammars, parse_with_grammar

if TYPE_CHECKING:
    from tree_sitter import Node

LANGUAGE = "javascript"
FUNCTION_NODES = ("function_declaration", "function_expression", "arrow_function")
DECLARATION_NODES = ("lexical_declaration", "variable_declaration")
JSDOC_PARAMETER = re.compile(r"@param\s*+\{([^}]{0,200})\}\s*+\[?(\w+)")
KINDS: Mapping[str, tuple[str, ...]] = {
    "number": ("int", "float"),
    "string": ("str",),
    "boolean": ("bool",),
    "number[]": ("list[int]",),
    "string[]": ("list[str]",),
    "array<number>": ("list[int]",),
    "array<string>": ("list[str]",),
    "array": ("list[int]", "list[str]"),
    "number[][]": ("list[list[int]]",),
    "object": ("dict",),
}
WORDS = {"true": "True", "false": "False", "null": "None"}
ASSERTION = re.compile(r"\bconsole\s*\.\s*assert\b")
COMMENT_MARKS = re.compile(r"^(?://|/\*+)|(?<!\*)\*++/$")
UNQUOTED_WORD = re.compile(r"""("[^"\n]*"|'[^'\n]*')|\b(\w+)\b""")


@in_parser_process(otherwise=None)
def find_evidence(text: str, start: int, end: int) -> Evidence | None:
    """The evidence about the function with an answer from one offset of a text to another.

    The answer itself does not count. None if there is no such function, or no grammar.
    """
    data = text.encode("utf-8", "replace")
    tree = next((parse_with_grammar(data, each) for each in find_grammars(LANGUAGE)), None)
    first, last = (len(text[:at].encode("utf-8", "replace")) for at in (start, end))
    found = find_target(data, tree.root_node, first, last) if tree else None
    if not tree or not found:
        return None
    name, function = found
    outside = f"{text[:start]}\n{text[end:]}"
    comments = "\n".join(find_comments(data, tree.root_node, first, last))
    prose = find_prose_examples(name, in_python(comments))
    values = [value for each in prose if (value := read_arguments(name, each)) is not None]
    values += known_arguments(name, outside)
    parameters = find_parameters(data, function, jsdoc_types(outside))
    calls: list[tuple[object, ...]] = []
    if parameters is not None:
        calls = make_arguments(parameters, KnownValues(tuple(values)), name)
    return Evidence(
        statements=tuple(map(deep_equality, prose)),
        calls=tuple((name, text) for each in calls if (text := to_json(each))),
    )


def find_target(data: bytes, root: "Node", start: int, end: int) -> "tuple[str, Node] | None":
    """The name and the node of the outermost function that contains a byte of an answer."""
    for node in root.children:
        inner = node.child_by_field_name("declaration") or node
        if inner.start_byte > end or inner.end_byte < start:
            continue
        declarators = inner.named_children if inner.type in DECLARATION_NODES else [inner]
        for each in declarators:
            function = each.child_by_field_name("value") or each
            name = each.child_by_field_name("name")
            if name and function.type in FUNCTION_NODES and function.start_byte <= end:
                return data[name.start_byte : name.end_byte].decode(), function
    return None


def find_parameters(
    data: bytes, function: "Node", types: Mapping[str, str]
) -> list[Parameter] | None:
    """The parameters that a call must pass, or None if one is not a plain name."""
    if any(child.type == "async" for child in function.children):
        return None
    listed = function.child_by_field_name("parameters")
    nodes = listed.named_children if listed else [function.child_by_field_name("parameter")]
    parameters = []
    for node in nodes:
        if node is None or node.type == "assignment_pattern":
            continue
        if node.type != "identifier":
            return None
        name = data[node.start_byte : node.end_byte].decode()
        kinds = KINDS.get(types.get(name, "").lower(), ())
        parameters.append(Parameter(name, kinds))
    return parameters


def without_assertions(text: str, start: int, end: int) -> str:
    """A text whose part from one offset to another makes no assertions: they would be its own."""
    return text[:start] + ASSERTION.sub("(() => undefined)", text[start:end]) + text[end:]


def jsdoc_types(text: str) -> Mapping[str, str]:
    """The types of parameters by name, the last one in the text for each."""
    return {name: kind.strip("?! ") for kind, name in JSDOC_PARAMETER.findall(text)}


def known_arguments(name: str, text: str) -> Iterator[tuple[object, ...]]:
    """Yield the arguments of calls in a text that are literals on one line."""
    for match in re.finditer(rf"\b{re.escape(name)}(\([^()\n]{{0,300}}\))", text):
        if (arguments := read_arguments(name, match[0])) is not None:
            yield arguments


def read_arguments(name: str, text: str) -> tuple[object, ...] | None:
    """The arguments of a call at the beginning of a text, if they are literals in Python too."""
    try:
        node = ast.parse(in_python(text), mode="eval").body
        call_node = node.left if isinstance(node, ast.Compare) else node
        if isinstance(call_node, ast.Call):
            return tuple(ast.literal_eval(each) for each in call_node.args)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        pass
    return None


def find_comments(data: bytes, root: "Node", start: int, end: int) -> Iterator[str]:
    """Yield the comments of a text outside an answer."""
    open_nodes = [root]
    while open_nodes:
        node = open_nodes.pop()
        if node.type == "comment" and not (node.start_byte < end and node.end_byte > start):
            text = data[node.start_byte : node.end_byte].decode("utf-8", "replace")
            yield COMMENT_MARKS.sub("", text)
        open_nodes += reversed(node.children)


def in_python(text: str) -> str:
    """A text with JavaScript's words for some values replaced by Python's."""
    return UNQUOTED_WORD.sub(lambda match: match[1] or WORDS.get(match[2], match[2]), text)


def in_javascript(text: str) -> str:
    """A text with Python's words for some values replaced by JavaScript's."""
    words = {python: own for own, python in WORDS.items()}
    return UNQUOTED_WORD.sub(lambda match: match[1] or words.get(match[2], match[2]), text)


def deep_equality(comparison: str) -> str:
    """A statement that throws if a call and a literal differ."""
    call, _, value = comparison.rpartition(" == ")
    return f'require("node:assert").deepStrictEqual({in_javascript(call)}, {in_javascript(value)})'


def to_json(arguments: Sequence[object]) -> str:
    """Arguments as a JavaScript list; empty if they have no such form."""
    try:
        return json.dumps(arguments)
    except (TypeError, ValueError):
        return ""
