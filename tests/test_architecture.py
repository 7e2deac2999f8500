"""Which module may import which, which packages it may use, and how large things may grow."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import starcoder_cli

ROOT = Path(starcoder_cli.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path != ROOT / "__init__.py"
}

# A module imports from layers above its own in this table only; a package is one unit.
LAYERS = (
    {"errors"},
    {"exchange", "input", "sockets"},
    {
        "catalog",
        "folder",
        "fourbit",
        "gguf",
        "healing",
        "languages",
        "lookup",
        "licences",
        "patch",
        "processes",
        "safetensors",
        "sanitize",
        "settings",
        "signals",
        "sixbit",
        "source",
        "stream",
        "syntax",
        "timing",
        "tree",
    },
    {"eightbit", "endpoints", "engines", "loading", "warm"},
    {
        "batch",
        "brackets",
        "configuration",
        "fences",
        "flaws",
        "indentation",
        "inline",
        "lines",
        "models",
        "output",
        "plan",
        "prompt",
        "sandbox",
        "saving",
        "verify",
        "window",
    },
    {
        "chatter",
        "checkpoint",
        "closers",
        "context",
        "conversation",
        "families",
        "model",
        "provenance",
        "repeats",
        "shapes",
        "terminal",
    },
    {"attribution", "portrait"},
    {"candidates", "chat_formats", "speed", "wire"},
    {"backends", "edits", "markdown", "spelling", "trim"},
    {"evaluation", "server"},
    {"commands"},
    {"cli"},
    {"__main__"},
)
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}

CHECKPOINTS = ("adapter", "huggingface", "int8", "kernels", "quantize")
GRAPHS = ("compact", "halves", "openvino", "paged", "rows")  # what OpenVINO runs
TOKENIZERS = ("preparation", "tokens")

# Who may use a package; inside a function, except for Typer.
OWNERS = {
    "anyio": {"server"},
    "bitsandbytes": {"backends.int8", "backends.quantize"},
    "boolean": {"attribution"},
    "filelock": {"models"},
    "h11": {"server"},
    "http": {"server"},
    "httptools": {"exchange"},
    "httpx2": {"backends.connection", "models", "portrait"},
    "huggingface_hub": {"models"},
    "identify": {"attribution"},
    "license_expression": {"attribution"},
    "markdown_it": {"markdown"},
    "matplotlib": {"evaluation.charts", "speed.picture"},
    "platformdirs": {"settings"},
    "numpy": {
        "eightbit",
        "fourbit",
        "sixbit",
        *(f"backends.{name}" for name in ("choice", *GRAPHS)),
    },
    "openvino": {f"backends.{name}" for name in GRAPHS},
    "openvino_genai": {"backends.openvino"},
    "pyarrow": {"evaluation.rows"},
    "prometheus_client": {"server"},
    "prompt_toolkit": {"commands.pick", "commands.session"},
    "pydantic": {"wire.forms"},
    "pygments": {"terminal"},
    "rich": {
        "commands.beside",
        "commands.plot",
        "commands.progress",
        "commands.standings",
        "markdown",
        "terminal",
    },
    "socket": {"exchange", "server", "sockets", "warm"},
    "starlette": {"server"},
    "subprocess": {
        "context.git",
        "models.pip",
        "processes",
        "sandbox.cell",
        "sandbox.following",
        "sandbox.tools",
        "speed.process",
        "tree",
        "verify",
        "warm",
    },
    "peft": {"backends.adapter"},
    "pyflakes": {"flaws"},
    "tokenizers": {f"backends.{name}" for name in TOKENIZERS},
    "torch": {
        f"backends.{name}" for name in ("choice", "devices", "graphs", "steps", *CHECKPOINTS)
    },
    "transformers": {f"backends.{name}" for name in ("graphs", "steps", *TOKENIZERS, *CHECKPOINTS)},
    "tree_sitter": {"syntax"},
    "triton": {"backends.kernels"},
    "typer": {"cli", "commands"},
    "uvicorn": {"server"},
    "urllib": {"endpoints", "models.hub"},
    "xllamacpp": {"backends.llamacpp"},
}
# What a server is made of, from the start.
WEB = frozenset({"anyio", "h11", "prometheus_client", "pydantic", "starlette", "uvicorn"})
# What Triton compiles has to stand at the top of a module, which is imported where it is used.
KERNELS = frozenset({"torch", "triton"})
STANDARD = sys.stdlib_module_names - OWNERS.keys()

TABLES = {"catalog", "commands.options", "languages"}  # mostly data
MOST_LINES = 300
MOST_FUNCTION_LINES = 50
MOST_PARAMETERS = 6

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(module: str) -> ast.Module:
    """The syntax of a module."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(syntax: ast.AST) -> Iterator[str]:
    """The full name of everything that is imported anywhere in some syntax."""
    for node in ast.walk(syntax):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def unit(module: str) -> str:
    """The module itself, or the package that it is in."""
    return module.partition(".")[0]


def functions(module: str) -> Iterator[Function]:
    """Every function and method of a module."""
    return (node for node in ast.walk(tree(module)) if isinstance(node, Function))


each_module = pytest.mark.parametrize("module", MODULES)


def test_every_module_has_its_layer() -> None:
    assert {unit(module) for module in MODULES} == LAYER.keys()


def test_imports_point_one_way() -> None:
    wrong = set()
    for module in MODULES:
        for name in imported(tree(module)):
            package, _, rest = name.partition(".")
            other = unit(rest)
            ours = package == "starcoder_cli" and other in LAYER and other != unit(module)
            if ours and LAYER[other] >= LAYER[unit(module)]:
                wrong.add((module, other))
    assert wrong == set()


@each_module
def test_a_package_is_used_by_its_owners_alone(module: str) -> None:
    used = {unit(name) for name in imported(tree(module))} - STANDARD - {"starcoder_cli"}
    mine = {name for name, owners in OWNERS.items() if {module, unit(module)} & owners}
    assert used <= mine


@each_module
def test_importing_a_module_imports_nothing_heavy(module: str) -> None:
    syntax = tree(module)
    guarded = [
        node
        for node in syntax.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    at_once = [
        node for node in syntax.body if not isinstance(node, Function) and node not in guarded
    ]
    outside = [
        unit(name)
        for node in at_once
        if isinstance(node, ast.Import | ast.ImportFrom | ast.If | ast.Try)
        for name in imported(node)
    ]
    web = WEB if unit(module) == "server" or module == "wire.forms" else frozenset()
    kernels = KERNELS if module == "backends.kernels" else frozenset()
    assert set(outside) <= STANDARD | {"starcoder_cli", "typer", "http", "socket"} | web | kernels


@each_module
def test_things_stay_small(module: str) -> None:
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES or module in TABLES
    long = [
        function.name
        for function in functions(module)
        if (function.end_lineno or 0) - function.body[0].lineno + 1 > MOST_FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize(
    "module", [name for name in MODULES if unit(name) != "commands" and name != "backends.kernels"]
)
def test_functions_have_few_parameters(module: str) -> None:
    many = []
    for function in functions(module):
        given = function.args
        names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        if len([name for name in names if name not in ("self", "cls")]) > MOST_PARAMETERS:
            many.append(function.name)
    assert many == []


@each_module
def test_a_module_opens_with_its_purpose(module: str) -> None:
    assert ast.get_docstring(tree(module))
