"""What a Python file says about the function that a hole is in, and how it is called."""

import ast
import doctest
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from starcoder_cli.candidates.checks.arguments import KnownValues, Parameter, make_arguments
from starcoder_cli.candidates.checks.evidence import Evidence, find_prose_examples
from starcoder_cli.candidates.syntax import parse_python

MAX_CONSTANTS = 12
TEST_PREFIX = "test_"
CONTAINERS = {"list": "list", "sequence": "list", "iterable": "list", "collection": "list"}
KINDS = {
    "int": ("int",),
    "float": ("float", "int"),
    "str": ("str",),
    "bool": ("bool",),
    "none": ("none",),
    "set": ("set",),
    "frozenset": ("set",),
    "dict": ("dict",),
    "mapping": ("dict",),
    "tuple": ("tuple",),
    "list": ("list[int]", "list[str]"),
}

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Target:
    """A function to judge: its node, its class if it has one, and an expression for it."""

    node: FunctionNode
    owner: ast.ClassDef | None
    expression: str


def find_evidence(text: str, start: int, end: int) -> Evidence | None:
    """The evidence about the function with an answer from one offset of a text to another.

    The answer itself does not count. None if the text is not Python, or there is no function.
    """
    tree = parse_python(text)
    lines = range(text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 2)
    target = tree and find_target(tree, lines)
    if not tree or not target:
        return None
    name = target.node.name
    known_nodes = [node for node in ast.walk(tree) if not overlaps(node, lines)]
    word = re.compile(rf"\b{re.escape(name)}\b")
    docstrings = [
        node.value
        for node in known_nodes
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and word.search(node.value)
    ]
    comments = re.findall(r"#.*", text[:start] + "\n" + text[end:])
    prose = find_prose_examples(name, "\n".join((*docstrings, *comments)))
    return Evidence(
        sessions=tuple(each for each in docstrings if has_example(each, word)),
        statements=(*(f"assert {each}" for each in prose), *own_tests(tree, name, lines)),
        calls=tuple(make_calls(target, known_nodes, docstrings, prose)),
    )


def has_example(docstring: str, word: re.Pattern[str]) -> bool:
    """Whether the code of an example has a word."""
    return any(word.search(example.source) for example in safe_examples(docstring))


def overlaps(node: ast.AST, lines: range) -> bool:
    """Whether a node is on any of these lines."""
    first = getattr(node, "lineno", lines.stop)
    last = getattr(node, "end_lineno", first)
    return bool(first < lines.stop and last >= lines.start)


def find_target(tree: ast.Module, lines: range) -> Target | None:
    """The outermost function that begins before the end of an answer and shares a line with it."""
    for node in tree.body:
        if isinstance(node, FunctionNode) and overlaps(node, lines):
            return Target(node, None, node.name)
        if isinstance(node, ast.ClassDef) and overlaps(node, lines):
            for method in node.body:
                if isinstance(method, FunctionNode) and overlaps(method, lines):
                    return Target(method, node, f"{node.name}().{method.name}")
    return None


def own_tests(tree: ast.Module, name: str, lines: range) -> Iterator[str]:
    """Yield calls of the file's own tests that use a function.

    Decorated ones may be skipped, calling a generator runs nothing of it, and of several with the
    same name only the last can be called.
    """
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    latest = {node.name: node for node in tree.body if isinstance(node, kinds)}
    for node in tree.body:
        if (
            isinstance(node, ast.FunctionDef)
            and latest[node.name] is node
            and node.name.startswith(TEST_PREFIX)
            and not node.args.args
            and not node.decorator_list
            and not overlaps(node, lines)
            and not any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))
            and any(used_name(each) == name for each in ast.walk(node))
        ):
            yield f"{node.name}()"


def used_name(node: ast.AST) -> str:
    """The name of the variable or attribute that a node reads."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def make_calls(
    target: Target, nodes: Sequence[ast.AST], docstrings: Sequence[str], prose: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield the function of each call and its arguments; nothing if it cannot be called."""
    parameters = find_parameters(target)
    if parameters is None:
        return
    name = target.node.name
    examples = [example.source for text in docstrings for example in safe_examples(text)]
    sources = [node for text in (*examples, *prose) if (node := parse_python(text))]
    calls = [
        arguments
        for node in (*nodes, *(each for source in sources for each in ast.walk(source)))
        if isinstance(node, ast.Call) and used_name(node.func) == name
        if (arguments := literal_arguments(node)) is not None
    ]
    inside = [node for node in nodes if overlaps(node, node_lines(target.node))]
    constants = [
        node.value
        for node in inside
        if isinstance(node, ast.Constant)
        if isinstance(node.value, (int, str))
        and node.value != ast.get_docstring(target.node, False)
    ]
    known = KnownValues(tuple(calls), tuple(dict.fromkeys(constants))[:MAX_CONSTANTS])
    for arguments in make_arguments(parameters, known, name):
        yield target.expression, repr(arguments)


def safe_examples(text: str) -> list[doctest.Example]:
    """The examples of a docstring, or none if they are not in doctest's form."""
    try:
        return doctest.DocTestParser().get_examples(text)
    except ValueError:
        return []


def node_lines(node: FunctionNode) -> range:
    """The lines of a function."""
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def literal_arguments(call: ast.Call) -> tuple[object, ...] | None:
    """The positional arguments of a call, or None if any are not literals."""
    try:
        return None if call.keywords else tuple(ast.literal_eval(each) for each in call.args)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def find_parameters(target: Target) -> list[Parameter] | None:
    """The parameters that a call must pass, or None if positional arguments are not enough."""
    arguments = target.node.args
    names = [*arguments.posonlyargs, *arguments.args]
    if isinstance(target.node, ast.AsyncFunctionDef) or None in arguments.kw_defaults:
        return None
    if target.owner:
        decorators = {ast.unparse(each) for each in target.node.decorator_list}
        if decorators - {"staticmethod", "classmethod"} or needs_arguments(target.owner):
            return None
        names = names if "staticmethod" in decorators else names[1:]
    required = names[: len(names) - len(arguments.defaults)] or names
    return [Parameter(each.arg, find_kinds(each.annotation)) for each in required]


def needs_arguments(owner: ast.ClassDef) -> bool:
    """Whether a class cannot be instantiated without arguments."""
    for node in owner.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            given = node.args
            return len(given.args) - 1 > len(given.defaults) or None in given.kw_defaults
    return bool(owner.decorator_list or owner.bases)


def find_kinds(annotation: ast.expr | None) -> tuple[str, ...]:
    """The kinds of values that an annotation allows; none if it is not understood."""
    match annotation:
        case ast.Constant(value=None):
            return ("none",)
        case ast.Constant(value=str(text)):
            tree = parse_python(text)
            first = tree.body[0] if tree and tree.body else None
            return find_kinds(first.value) if isinstance(first, ast.Expr) else ()
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return (*find_kinds(left), *find_kinds(right))
        case ast.Subscript(value=outer, slice=inner):
            return find_nested_kinds(last_word(outer), inner)
        case ast.Name() | ast.Attribute():
            word = last_word(annotation)
            return KINDS.get("list" if word in CONTAINERS else word, ())
    return ()


def find_nested_kinds(outer: str, inner: ast.expr) -> tuple[str, ...]:
    """The kinds of `outer[inner]`."""
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if outer in ("optional", "union", "annotated", "final"):
        kinds = tuple(kind for part in parts for kind in find_kinds(part))
        return (*kinds, "none") if outer == "optional" else kinds
    if outer in CONTAINERS:
        nested = [f"list[{kind}]" for kind in find_kinds(parts[0])]
        return (
            tuple(kind.replace("list[list[list", "list[list") for kind in nested) or KINDS["list"]
        )
    return KINDS.get(outer, ())


def last_word(node: ast.expr) -> str:
    """The last word of a name, in lower case."""
    return ast.unparse(node).rpartition(".")[2].lower()
