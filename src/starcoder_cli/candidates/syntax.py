"""What a parser objects to in a file: what breaks its language's rules, and what is never reached.

tree-sitter's parsers read any text to its end and mark what does not fit, so that the same count
before and after a change says whether the change broke something. Their grammars come with the
installation; a language without one is not judged.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from starcoder_cli.candidates.parser_process import in_parser_process

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Tree

GRAMMARS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("agda", "fortran", "sql", "tcl"), ()),
    "assembly": ("asm",),
    "c": ("c", "cpp"),
    "c-sharp": ("csharp",),
    "common-lisp": ("commonlisp",),
    "emacs-lisp": ("elisp",),
    "f-sharp": ("fsharp",),
    "makefile": ("make",),
    "objective-c": ("objc",),
    "ocaml": ("ocaml", "ocaml_interface"),
    "protocol-buffer": ("proto",),
    "restructuredtext": ("rst",),
    "shell": ("bash",),
    "systemverilog": ("verilog",),
    "tex": ("latex",),
    "typescript": ("typescript", "tsx"),
    "xslt": ("xml",),
}
"""The names of the grammars for a language, if they are not its own.

Of several the most lenient one counts: a header may be C or C++, and `<T>x` is a cast in .ts, an
element in .tsx. Those that find errors in most real files are useless.
"""

CLOSING_WORDS = re.compile(
    r"^[ \t]*(end|fi|done|esac|od|endif|endfunction|endwhile);?[ \t]*$", re.M
)
"""Lines that close a block. Ruby and shells may use these as names: then nothing was open."""

BLOCK_NODE = re.compile(
    r"block|compound_statement|statement_list|body_statement|^module$|^program$"
)
JUMP_NODE = re.compile(r"(return|raise|throw|break|continue)(_statement|_expression)?$")
REACHABLE_NODE = re.compile(
    r"label|case|default|clause|declaration|definition|_item$|^local_function_statement$|^yield$"
)
"""What counts although it comes after a return: it is jumped to, or declared beforehand, or makes
a generator of its function.
"""

NAME_NODE = re.compile(r"identifier|word|command_name")

PARSED_FILENAME = "<a file with an answer>"


@in_parser_process(otherwise=None)
def count_syntax_errors(text: str, language: str) -> int | None:
    """How many places of a text its language's parser cannot make sense of.

    None if there is no grammar, or if the parser takes too long. Python's grammar accepts a line
    indented like no other, so Python's own parser is asked too.
    """
    data = text.encode("utf-8", "replace")
    counts = (count_errors_by_grammar(data, grammar) for grammar in find_grammars(language))
    fewest = min(counts, default=None)
    return int(parse_python(text) is None) if language == "python" and fewest == 0 else fewest


def parse_python(text: str) -> ast.Module | None:
    """Parse a program with Python itself; None if this Python cannot parse it."""
    # Python warns of doubtful literals as it parses; nobody cares about those under this name.
    warnings.filterwarnings("ignore", module=re.escape(PARSED_FILENAME))
    try:
        return ast.parse(text.encode("utf-8", "replace"), PARSED_FILENAME)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@in_parser_process(otherwise=0)
def count_unreachable(text: str, language: str) -> int:
    """How many statements of a text come after one that leaves their block."""
    data = text.encode("utf-8", "replace")
    for grammar in find_grammars(language)[:1]:
        return sum(1 for _ in unreachable_nodes(parse_with_grammar(data, grammar).root_node))
    return 0


@in_parser_process(otherwise=False)
def is_unreachable(text: str, position: int, language: str) -> bool:
    """Whether the statement at a position, or one around it, comes right after a jump."""
    at = len(text[:position].encode("utf-8", "replace"))
    for grammar in find_grammars(language)[:1]:
        tree = parse_with_grammar(text.encode("utf-8", "replace"), grammar)
        node = tree.root_node.descendant_for_byte_range(at, at)
        while node:
            if is_behind_jump(node):
                return True
            node = node.parent
    return False


def is_behind_jump(node: "Node") -> bool:
    """Whether a node is a statement, or a comment before one, behind one that left its block."""
    if not node.parent or not BLOCK_NODE.search(node.parent.type) or not node.is_named:
        return False
    before: Node | None = node.prev_named_sibling
    while before and "comment" in before.type:
        before = before.prev_named_sibling
    behind: Node | None = node
    while behind and "comment" in behind.type:
        behind = behind.next_named_sibling
    return bool(before and is_jump(before) and behind and not REACHABLE_NODE.search(behind.type))


@in_parser_process(otherwise=None)
def is_comment_at(text: str, position: int, length: int, language: str) -> bool | None:
    """Whether the text at a position is a comment, or part of one.

    None if no parser can tell: there is none for the language, or it finds other errors.
    """
    begin, end = (len(text[:at].encode("utf-8", "replace")) for at in (position, position + length))
    data = text.encode("utf-8", "replace")
    verdicts = [
        is_comment_by_grammar(data, begin, end, grammar) for grammar in find_grammars(language)
    ]
    return True if True in verdicts else None if None in verdicts or not verdicts else False


def is_comment_by_grammar(data: bytes, begin: int, end: int, grammar: "Language") -> bool | None:
    """Whether one grammar sees a comment there, or None if it is not sure."""
    tree = parse_with_grammar(data, grammar)
    node = tree.root_node.descendant_for_byte_range(begin, end)
    if not node:
        return None
    if "comment" not in node.type:
        return False
    return None if tree.root_node.has_error else True


@in_parser_process(otherwise=[])
def find_body_ranges(text: str, language: str) -> list[tuple[int, int]]:
    """Where the bodies of functions are in a text, without their braces, in no particular order.

    Positions count characters. There are none without a grammar.
    """
    data = text.encode("utf-8", "replace")
    for grammar in find_grammars(language)[:1]:
        tree = parse_with_grammar(data, grammar)
        ranges = [body_byte_range(data, node) for node in function_body_nodes(tree.root_node)]
        return [(len(data[:start].decode()), len(data[:end].decode())) for start, end in ranges]
    return []


def function_body_nodes(node: "Node") -> Iterator["Node"]:
    """Yield the body of every function and method."""
    open_nodes = [node]
    while open_nodes:
        node = open_nodes.pop()
        body = node.child_by_field_name("body")
        if body and not body.has_error and ("function" in node.type or "method" in node.type):
            yield body
        open_nodes += node.children


def unreachable_nodes(node: "Node") -> Iterator["Node"]:
    """Yield the first statement in each block that comes after one that leaves it."""
    open_nodes = [node]
    while open_nodes:
        node = open_nodes.pop()
        open_nodes += node.children
        if BLOCK_NODE.search(node.type):
            statements = [child for child in node.named_children if "comment" not in child.type]
            for statement, following in pairwise(statements):
                if is_jump(statement) and not REACHABLE_NODE.search(following.type):
                    yield following
                    break


def is_jump(node: "Node") -> bool:
    """Whether a statement leaves its block."""
    if node.type == "expression_statement" and node.named_children:
        node = node.named_children[0]
    return bool(JUMP_NODE.match(node.type))


def body_byte_range(data: bytes, node: "Node") -> tuple[int, int]:
    """Where a body begins and ends in the bytes of a text, excluding its braces."""
    start, end = node.start_byte, node.end_byte
    braces = data[start : start + 1] == b"{" and data[end - 1 : end] == b"}"
    return (start + 1, end - 1) if braces else (start, end)


def count_errors_by_grammar(data: bytes, grammar: "Language") -> int:
    """How many errors one grammar finds in a text."""
    tree = parse_with_grammar(data, grammar)
    return sum(1 for _ in error_nodes(tree.root_node)) + sum(
        1 for _ in unopened_closers(data, tree.root_node)
    )


def unopened_closers(data: bytes, root: "Node") -> Iterator["Node"]:
    """Yield words on lines of their own that look like block ends but are names to the parser."""
    for match in CLOSING_WORDS.finditer(data.decode("latin-1")):
        node = root.descendant_for_byte_range(*match.span(1))
        if node and node.is_named and NAME_NODE.search(node.type):
            yield node


@cache
def find_grammars(language: str) -> tuple["Language", ...]:
    """The grammars for a language, which may be none."""
    grammars = []
    for name in GRAMMARS.get(language, (language,)):
        with suppress(LookupError):
            grammars.append(load_grammar(name))
    return tuple(grammars)


def load_grammar(name: str) -> "Language":
    """A grammar by name, safe to parse any text with; raises LookupError if there is none."""
    from tree_sitter import Language
    from tree_sitter_language_pack import SupportedLanguage, get_binding, get_language

    from starcoder_cli.candidates.scanner_state import UNBOUNDED_GRAMMARS, bound_state

    name = cast("SupportedLanguage", name)
    grammar = get_language(name)
    if name in UNBOUNDED_GRAMMARS:
        counts = (grammar.abi_version, grammar.parse_state_count, grammar.field_count)
        grammar = Language(bound_state(get_binding(name), counts))
    return grammar


def parse_with_grammar(data: bytes, grammar: "Language") -> "Tree":
    """The tree that one grammar makes of a text, in any time and memory."""
    from tree_sitter import Parser

    # Perl's scanner reads on forever if a comment has no line end after it.
    return Parser(grammar).parse(data + b"\n")


def error_nodes(node: "Node") -> Iterator["Node"]:
    """Yield every node for what does not fit, or for what is missing."""
    open_nodes = [node]
    while open_nodes:
        node = open_nodes.pop()
        if node.is_error or node.is_missing:
            yield node
        open_nodes += [child for child in node.children if child.has_error]
