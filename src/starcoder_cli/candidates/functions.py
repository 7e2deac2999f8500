"""Which functions a text has, and which of them do something."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from starcoder_cli.candidates.syntax import find_grammars, parse_with_grammar

if TYPE_CHECKING:
    from tree_sitter import Node

FUNCTION_NODE = re.compile(
    r"(function|method|constructor)(_definition|_declaration|_item|_expression)?$|arrow_function$"
)
ANONYMOUS_NODE = re.compile(r"function_expression$|arrow_function$")
"""A function whose name, if any, is that of the variable or the property it is given to."""

BLOCK_NODE = re.compile(r"block|body|compound_statement|statements$")
IDLE_NODES = {"ellipsis", "string", "pass_statement", "empty_statement"}
"""What does nothing, beside comments."""


def find_functions(text: str, language: str) -> dict[str, bool]:
    """The named functions of a text, and of each whether it has a statement.

    There are none where the language has no grammar. Of several with one name the one that does
    something counts.
    """
    data = text.encode("utf-8", "replace")
    functions: dict[str, bool] = {}
    for grammar in find_grammars(language)[:1]:
        if tree := parse_with_grammar(data, grammar):
            for name, node in named_functions(data, tree.root_node):
                functions[name] = functions.get(name, False) or has_statement(node)
    return functions


def named_functions(data: bytes, root: "Node") -> Iterator[tuple[str, "Node"]]:
    """Every function that has a name."""
    open_nodes = [root]
    while open_nodes:
        node = open_nodes.pop()
        open_nodes += reversed(node.children)
        if node.is_named and FUNCTION_NODE.search(node.type):
            named = node.parent if ANONYMOUS_NODE.search(node.type) else node
            if named and (name := find_name(named)):
                yield data[name.start_byte : name.end_byte].decode("utf-8", "replace"), node


def find_name(node: "Node") -> "Node | None":
    """The name that a node defines; that of a declaration in C is inside of it."""
    name = node.child_by_field_name("name") or node.child_by_field_name("declarator")
    while name and (inner := name.child_by_field_name("declarator")):
        name = inner
    return name or next((child for child in node.children if "identifier" in child.type), None)


def has_statement(function: "Node") -> bool:
    """Whether a function's body has more than comments, texts, an ellipsis or `pass`."""
    body = function.child_by_field_name("body") or next(
        (child for child in function.named_children if "body" in child.type), None
    )
    if not body or not BLOCK_NODE.search(body.type):
        return body is not None
    return not all(map(is_idle, body.named_children))


def is_idle(node: "Node") -> bool:
    """Whether a node does nothing: a comment, a text, `...`, `pass`, or a block of those."""
    if "comment" in node.type or node.type in IDLE_NODES:
        return True
    is_block = node.type == "expression_statement" or BLOCK_NODE.search(node.type)
    return bool(is_block) and all(map(is_idle, node.named_children))
