"""Which functions a text has, what they belong to, and which of them do something."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starcoder_cli.candidates.parser_process import in_parser_process
from starcoder_cli.candidates.syntax import find_grammars, parse_with_grammar

if TYPE_CHECKING:
    from tree_sitter import Node

FUNCTION_NODE = re.compile(
    r"(?:\w+_)?(?:function|method|constructor|destructor|operator|indexer|init|subscript|macro"
    r"|subroutine)(?:_signature)?(?:_(?:definition|declaration|item|clause|statement))+"
    r"|(?:function|constructor|getter|setter)_signature"
    r"|function|method|singleton_method|secondary_constructor|function_declaration_left"
)
ANONYMOUS_NODE = re.compile(
    r"lambda|(?:lambda|closure|function|fun|anonymous_\w+)_expression|lambda_literal"
    r"|arrow_function|anonymous_function|func_literal"
)
"""A function whose name, if any, is that of the variable or property it is assigned to."""

PROPERTY_NODE = "property_declaration"
ACCESSOR_NODE = re.compile(r"accessor_list|getter|computed_property|arrow_expression_clause")
"""A property that a function computes contains one of these."""

SETTER_NODE = re.compile(r"accessor_declaration|setter|computed_setter")
SETTER_NAME = "set"

NAMELESS_NODES = {
    "conversion_operator_declaration": "operator",
    "deinit_declaration": "deinit",
    "indexer_declaration": "this",
    "init_declaration": "init",
    "operator_declaration": "operator",
    "secondary_constructor": "constructor",
    "subscript_declaration": "subscript",
}
"""Functions that are known by a word of their language."""

OWNER_NODE = re.compile(
    r"class|module|instance|impl_item|class_(?:interface|implementation)"
    r"|(?:class|struct|interface|trait|enum|union|object|module|mod|namespace|record|protocol"
    r"|extension)_(?:definition|declaration|specifier|item)"
)
RECEIVER = re.compile(r"\W*+(?:\w++\s++)?\W*+(?P<owner>\w+)")
QUALIFIED_NAME = re.compile(
    r"(?:.*?(?P<owner>\w+)(?:<[^<>]*>)?(?:::|[.:]))?(?P<name>[^.:]+?)(?:(?<=\w)=)?", re.S
)
ASSIGNED_NAME = re.compile(
    r"(?:(?P<owner>\w+)[.:])?(?P<name>[\w$]+)['\"\]]*\s*(?:(?::(?:[^=]|=>)*)?:?=|:|<-)\s*"
)
ARGUMENT_NODE = re.compile("argument|param")
MAX_NAME_BYTES = 400
"""A name, or a variable and its type before the function assigned to it, takes no more."""

BLOCK_NODE = re.compile(r"block|body|compound_statement|statements$")
IDLE_NODES = {"ellipsis", "string", "pass_statement", "empty_statement"}
"""What does nothing, apart from comments."""


@dataclass(frozen=True)
class Function:
    """A named function: the type or object it belongs to, its line from 0, what it does.

    The owner is empty if there is none. A function `is_working` if it has a statement.
    """

    name: str
    owner: str
    line: int
    is_working: bool


@in_parser_process(otherwise=())
def find_functions(text: str, language: str) -> tuple[Function, ...]:
    """The named functions of a text in order, each as often as it is defined.

    There are none if the language has no grammar.
    """
    data = text.encode("utf-8", "replace")
    trees = [parse_with_grammar(data, grammar) for grammar in find_grammars(language)]
    roots = sorted((tree.root_node for tree in trees), key=lambda root: root.has_error)
    return tuple(named_functions(data, roots[0])) if roots else ()


def named_functions(data: bytes, root: "Node") -> Iterator[Function]:
    """Yield every function that has a name, or is the value of something that has one."""
    open_nodes = [(root, "")]
    while open_nodes:
        node, owner = open_nodes.pop()
        if node.is_named and (named := find_qualified_name(data, node)):
            scope, name, line = named
            is_working = has_statement(node) and not SETTER_NODE.fullmatch(node.type)
            yield Function(name, scope or owner, line, is_working)
        if node.is_named and OWNER_NODE.fullmatch(node.type):
            owner = find_owner_name(data, node) or owner
        open_nodes += [(child, owner) for child in reversed(node.children)]


def find_qualified_name(data: bytes, node: "Node") -> tuple[str, str, int] | None:
    """A function's owner according to its head, its name and its line; None for any other node."""
    if ANONYMOUS_NODE.fullmatch(node.type):
        return find_assigned_name(data, node)
    if SETTER_NODE.fullmatch(node.type) and decode(data, node).startswith(SETTER_NAME):
        return "", SETTER_NAME, node.start_point.row
    if word := NAMELESS_NODES.get(node.type):
        return "", word, node.start_point.row
    if not (FUNCTION_NODE.fullmatch(node.type) or is_computed(node)):
        return None
    name = find_name(node)
    if not name:
        return find_assigned_name(data, node)
    text = decode(data, name).strip("() \n")
    match = QUALIFIED_NAME.fullmatch(text) if len(text) <= MAX_NAME_BYTES else None
    if not match:
        return None
    receiver = node.child_by_field_name("receiver")
    received = receiver and RECEIVER.match(decode(data, receiver))
    owner = received["owner"] if received else match["owner"] or ""
    return owner, match["name"], name.start_point.row


def is_computed(node: "Node") -> bool:
    """Whether a node is a property that a function computes."""
    if node.type != PROPERTY_NODE:
        return False
    parts = (*node.children, node.next_named_sibling)
    return any(part and ACCESSOR_NODE.fullmatch(part.type) for part in parts)


def find_assigned_name(data: bytes, node: "Node") -> tuple[str, str, int] | None:
    """The owner, name and line of what a function is assigned to; None for an argument."""
    assignment = node.parent
    while assignment and assignment.start_byte == node.start_byte:
        assignment = assignment.parent
    if not assignment or is_argument(assignment):
        return None
    start = max(assignment.start_byte, node.start_byte - MAX_NAME_BYTES)
    head = data[start : node.start_byte].decode("utf-8", "replace")
    for match in ASSIGNED_NAME.finditer(head):
        if match.end() == len(head):
            return match["owner"] or "", match["name"], assignment.start_point.row
    return None


def is_argument(node: "Node") -> bool:
    """Whether a node is an argument or a parameter, or an option of an object that is one."""
    above = node.parent
    around = (node, above, above.parent if above else None)
    return any(each and ARGUMENT_NODE.search(each.type) for each in around)


def find_owner_name(data: bytes, node: "Node") -> str:
    """The name of a type, or of the type that a block of functions is for."""
    name = node.child_by_field_name("type") or find_name(node)
    words = re.findall(r"\w+", decode(data, name)) if name else []
    return words[0] if words else ""


def find_name(node: "Node") -> "Node | None":
    """The name that a node defines; that of a declaration in C or Kotlin is inside it."""
    name = node.child_by_field_name("name") or node.child_by_field_name("declarator")
    while name and (inner := name.child_by_field_name("declarator")):
        name = inner
    if name and name.is_named:  # R's is the word that begins a function
        return name
    body = node.child_by_field_name("body")
    for child in node.children:
        if child.type == "variable_declaration":
            return find_name(child)
        if "identifier" in child.type and child != body:
            return child
    return None


def decode(data: bytes, node: "Node") -> str:
    """The text of a node."""
    return data[node.start_byte : node.end_byte].decode("utf-8", "replace")


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
