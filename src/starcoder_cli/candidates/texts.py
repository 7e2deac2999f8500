"""Which lines of a text are inside multi-line strings, heredocs and comments."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starcoder_cli.candidates.parser_process import in_parser_process
from starcoder_cli.candidates.syntax import find_grammars, parse_with_grammar

if TYPE_CHECKING:
    from tree_sitter import Node

TEXT_NODE = re.compile(r"string|heredoc|comment|template_")
STATEMENT_NODE = re.compile(r"block$|^module$|^expression_statement$")

TEXT_ENDS = tuple(
    (re.compile(opener), end)
    for opener, end in (
        (r"<<[~-]?[ \t]*[\"'`\\]?(\w+)", r"\1\n"),
        (r"<<<[ \t]*[\"']?(\w+)", r"\1;\n"),
        (r"/\*", "*/"),
        (r"<!--", "-->"),
        (r"\"\"\"", '"""'),
        (r"\'\'\'", "'''"),
        (r"`", "`"),
        (r"\"", '"'),
        (r"'", "'"),
        (r"@\"", '"@'),
        (r"\br(#+)\"", r'"\1;'),
        (r"\bR\"(\w*)\(", r')\1"'),
        (r"\[(=*)\[", r"]\1]"),
        (r"\{(\w*)\|", r"|\1}"),
    )
)
"""What a multi-line text may begin with, and what then ends it."""


@dataclass(frozen=True)
class MultilineText:
    """The lines that begin inside a text, counted from 0, and whether only people read it.

    That is true of comments, and of strings that document what they are in.
    """

    first: int
    last: int
    is_documentation: bool
    is_comment: bool = field(default=False, compare=False)

    @property
    def lines(self) -> range:
        """The numbers of its lines."""
        return range(self.first, self.last + 1)


@in_parser_process(otherwise=())
def find_multiline_texts(text: str, language: str, start: int = 0) -> tuple[MultilineText, ...]:
    """The multi-line texts in some code that begin at a position or after it.

    There are none if its language has no grammar.
    """
    data, start_byte = text.encode("utf-8", "replace"), len(text[:start].encode("utf-8", "replace"))
    for grammar in find_grammars(language)[:1]:
        tree = parse_with_grammar(data, grammar)
        found, open_nodes = list[MultilineText](), [tree.root_node]
        while open_nodes:
            node = open_nodes.pop()
            if node.start_point.row == node.end_point.row:
                continue
            if TEXT_NODE.search(node.type):
                found += [describe_text(node)] if node.start_byte >= start_byte else []
            else:
                open_nodes += reversed(node.children)
        return tuple(each for each in found if each.lines)
    return ()


def describe_text(node: "Node") -> MultilineText:
    """The lines of a text that a parser found; a heredoc's own may begin with its first line."""
    begins_line = "heredoc" in node.type and node.start_point.column == 0
    first = node.start_point.row + (0 if begins_line else 1)
    last = node.end_point.row - (0 if node.end_point.column else 1)
    is_statement = bool(node.parent and STATEMENT_NODE.search(node.parent.type))
    is_comment = "comment" in node.type
    is_documentation = is_comment or ("string" in node.type and is_statement)
    return MultilineText(first, last, is_documentation, is_comment)


@in_parser_process(otherwise=None)
def find_open_text(text: str, language: str, start: int) -> MultilineText | None:
    """The multi-line text that begins at a position, or after it, and is open at the end.

    Few parsers recognize a text without its end, so each possible end is tried.
    """
    lines = text if text.endswith("\n") else text + "\n"
    row = lines.count("\n")
    for opener, end in TEXT_ENDS:
        for closer in {match.expand(end) for match in opener.finditer(text, start)}:
            for each in find_multiline_texts(lines + closer, language, start):
                if row in each.lines:
                    return each
    return None


def find_text_lines(text: str, language: str) -> frozenset[int]:
    """The lines that begin inside a string or a comment, counted from 0."""
    return frozenset(line for each in find_multiline_texts(text, language) for line in each.lines)
