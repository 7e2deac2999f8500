"""What is wrong with a file that parses, as far as reading it can tell.

Unreachable statements are found in every language with a grammar; only in Python undefined names
and unused variables (by pyflakes), unused parameters and inner functions, and functions that call
themselves without end.
"""

import ast
from collections.abc import Iterator

from starcoder_cli.candidates import syntax

MAX_CHECKED_CHARACTERS = 1 << 18
IGNORED_PYFLAKES_MESSAGES = frozenset(
    {
        "FStringMissingPlaceholders",
        "ImportShadowedByLoopVar",
        "ImportStarUsage",
        "ImportStarUsed",
        "TStringMissingPlaceholders",
        "UnusedAnnotation",
        "UnusedImport",
    }
)
"""What pyflakes reports about files that work as intended."""

UNREACHABLE_FLAW = "a statement that is never reached"


def find_flaws(text: str, language: str) -> tuple[str, ...]:
    """A few words for each flaw of a file; none if it exceeds MAX_CHECKED_CHARACTERS."""
    if len(text) > MAX_CHECKED_CHARACTERS:
        return ()
    unreachable = [UNREACHABLE_FLAW] * syntax.count_unreachable(text, language)
    tree = syntax.parse_python(text) if language == "python" else None
    return (*unreachable, *(find_python_flaws(tree) if tree else ()))


def find_python_flaws(tree: ast.Module) -> Iterator[str]:
    """Yield what is wrong with a program."""
    from pyflakes.checker import Argument, Checker, FunctionDefinition, FunctionScope

    try:
        checker = Checker(tree)
    except RecursionError:
        return
    for message in checker.messages:
        if type(message).__name__ not in IGNORED_PYFLAKES_MESSAGES:
            yield message.message % message.message_args
    for scope in checker.deadScopes:
        if isinstance(scope, FunctionScope) and not scope.usesLocals:
            for name, binding in scope.items():
                if binding.used or may_stay_unused(name):
                    continue
                if isinstance(binding, Argument):
                    yield f"parameter {name!r} is never used"
                # A decorator may use the function it decorates.
                if isinstance(binding, FunctionDefinition) and not binding.source.decorator_list:
                    yield f"local function {name!r} is never used"
    nodes = list(ast.walk(tree))
    # The name of a method does not exist in its own body.
    methods = {
        statement for node in nodes if isinstance(node, ast.ClassDef) for statement in node.body
    }
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and node not in methods and recurses_forever(node):
            yield f"{node.name!r} calls itself without end"


def may_stay_unused(name: str) -> bool:
    """Whether nobody expects a parameter or function of this name to be used."""
    return name.startswith("_") or name in ("self", "cls")


def recurses_forever(function: ast.FunctionDef) -> bool:
    """Whether a function calls itself before anything could keep it from doing so."""
    simple_statements = ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return
    for statement in function.body:
        if isinstance(statement, ast.FunctionDef) and statement.name != function.name:
            continue
        if not isinstance(statement, simple_statements):
            return False
        calls = (
            node.func for node in always_evaluated_nodes(statement) if isinstance(node, ast.Call)
        )
        if any(
            isinstance(function_called, ast.Name) and function_called.id == function.name
            for function_called in calls
        ):
            return True
        if isinstance(statement, ast.Return):
            return False
    return False


def always_evaluated_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a simple statement except those that need not be evaluated with it."""
    conditional_nodes = ast.Lambda, ast.IfExp, ast.BoolOp, ast.ListComp, ast.SetComp, ast.DictComp
    open_nodes: list[ast.AST] = [statement]
    while open_nodes:
        node = open_nodes.pop()
        yield node
        if not isinstance(
            node, (*conditional_nodes, ast.GeneratorExp, ast.Await, ast.Yield, ast.YieldFrom)
        ):
            open_nodes += ast.iter_child_nodes(node)
