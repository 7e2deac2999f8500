"""Which module may import which, which packages it may use, and how large things may grow."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import starcoder_cli

ROOT = Path(starcoder_cli.__file__).parent
TESTS = Path(__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path != ROOT / "__init__.py"
}

# The rooms, from the bottom: a file imports from floors below its own room's, and within its room.
FLOORS = (
    {"errors"},
    {"system"},
    {"languages", "settings", "stream"},
    {"catalog", "model"},
    {"files", "loading", "net", "sandbox"},
    {"candidates", "prompts", "weights"},
    {"postprocess"},
    {"terminal"},
    {"benchmark", "context", "models", "wire"},
    {"infill", "reply"},
    {"attribution", "bundle", "engines", "evaluation"},
    {"tuning"},
    {"app", "server"},
    {"lsp"},
    {"api", "commands"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Who may use a package, a room or a file; inside a function, except for those of `AT_ONCE`.
OWNERS = {
    "anyio": {"server"},
    "bitsandbytes": {"engines.transformers"},
    "boolean": {"attribution"},
    "datasketch": {"tuning.near_duplicates"},
    "gguf": {"engines.openvino.quantize", "weights.gguf_adapter", "weights.gguf_tensors"},
    "h11": {"server"},
    "http": {"server"},
    "httptools": {"net.http"},
    "httpx2": {"attribution.stack_lookup", "engines.endpoint", "models", "net.clients"},
    "huggingface_hub": {"models"},
    "identify": {"attribution"},
    "license_expression": {"attribution"},
    "lsprotocol": {"lsp"},
    "markdown_it": {"terminal"},
    "matplotlib": {"benchmark.chart", "evaluation.charts"},
    "numpy": {"engines.decoding.sampler", "engines.openvino", "weights"},
    "openvino": {"engines.openvino"},
    "packaging": {"bundle.requirements"},
    "peft": {"engines.transformers.adapter", "engines.transformers.training"},
    "platformdirs": {"settings"},
    "prometheus_client": {"server"},
    "prompt_toolkit": {"app.chat_session", "app.pick"},
    "pyarrow": {"evaluation.parquet"},
    "pydantic": {
        "wire.llamacpp_requests",
        "wire.openai_requests",
        "wire.request_schema",
        "wire.tgi",
    },
    "pyflakes": {"candidates.flaws"},
    "pygls": {"lsp"},
    "pygments": {"postprocess.lexical", "terminal"},
    "rich": {"app.score_report", "app.progress", "app.trace", "benchmark.table", "terminal"},
    "safetensors": {"engines.transformers.training.state"},
    "socket": {"net", "server"},
    "starlette": {"server"},
    "subprocess": {
        "app.config_file",
        "benchmark.worker",
        "bundle",
        "candidates.verify",
        "files.git",
        "models.wheels",
        "net.daemon",
        "sandbox",
        "system.processes",
        "system.worker",
    },
    "tokenizers": {"engines"},
    "torch": {"engines.decoding.sampler", "engines.machine", "engines.transformers"},
    "transformers": {"engines"},
    "tree_sitter": {
        "candidates.checks.javascript",
        "candidates.functions",
        "candidates.syntax",
        "candidates.texts",
        "tuning.syntax_holes",
    },
    "tree_sitter_language_pack": {"candidates.syntax"},
    "triton": {"engines.transformers.kernels"},
    "tomlkit": {"files.toml_text"},
    "typer": {"cli", "commands"},
    "urllib": {"lsp.uris", "models.hub", "net.clients", "net.endpoints"},
    "uvicorn": {"server"},
    "xllamacpp": {"engines.llamacpp"},
}
# What a server is made of, from the start, what Triton compiles, and what runs by itself: it has to
# stand at the top of a file, which is imported where it is used.
AT_ONCE = {
    "bundle.install": {"subprocess"},
    "commands": {"typer"},
    "cli": {"typer"},
    "engines.transformers.kernels": {"torch", "triton"},
    "lsp": {"lsprotocol", "pygls"},
    "lsp.uris": {"urllib"},
    "net": {"socket"},
    "server": {"anyio", "h11", "http", "prometheus_client", "socket", "starlette", "uvicorn"},
    "wire.llamacpp_requests": {"pydantic"},
    "wire.openai_requests": {"pydantic"},
    "wire.request_schema": {"pydantic"},
    "wire.tgi": {"pydantic"},
}
# Who catches whatever is raised, and how often: the outermost frames of processes, threads and
# requests, what runs somebody else's program, and the one place for libraries.
BROAD_HANDLERS = {
    "cli": 1,
    "models.transfer": 1,
    "sandbox.inside.behaviour": 4,
    "sandbox.inside.candidate": 3,
    "sandbox.inside.commands": 1,
    "sandbox.inside.tester": 2,
    "server.http_answers": 1,
    "server.http_routes": 1,
    "server.local_routes": 1,
    "system.foreign": 1,
    "system.worker": 1,
}
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


def room(module: str) -> str:
    """The room that a module is in: its package, or the module itself."""
    return module.partition(".")[0]


def places(module: str) -> set[str]:
    """The module and every package that it is in."""
    parts = module.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)}


def neighbours(module: str) -> set[str]:
    """The modules of ours that a module imports, anywhere in it and for whatever purpose."""
    found = set()
    for name in imported(tree(module)):
        package, _, rest = name.partition(".")
        while rest and rest not in MODULES:
            rest = rest.rpartition(".")[0]
        if package == "starcoder_cli" and rest:
            found.add(rest)
    return found - {module}


def functions(module: str) -> Iterator[Function]:
    """Every function and method of a module."""
    return (node for node in ast.walk(tree(module)) if isinstance(node, Function))


def is_command(function: Function, module: str) -> bool:
    """Whether a function is a command: it has its module's name, or Typer's mark."""
    marked = any(ast.unparse(each).startswith("app.") for each in function.decorator_list)
    return room(module) == "commands" and (marked or function.name == module.rpartition(".")[2])


def is_kernel(function: Function) -> bool:
    """Whether a function is compiled for a GPU, and so is given every pointer by itself."""
    return any(ast.unparse(each) == "triton.jit" for each in function.decorator_list)


each_module = pytest.mark.parametrize("module", MODULES)


def test_every_room_has_its_floor() -> None:
    assert {room(module) for module in MODULES} == FLOOR.keys()


def test_every_module_has_a_file_of_tests_by_its_name() -> None:
    modules = [path.relative_to(ROOT) for path in MODULES.values() if path.stem[:2] != "__"]
    files = [TESTS / path.with_name(f"test_{path.name}") for path in modules]
    assert [str(file.relative_to(TESTS)) for file in files if not file.is_file()] == []


def test_imports_point_one_way() -> None:
    wrong = {
        (module, other)
        for module in MODULES
        for other in neighbours(module)
        if room(other) != room(module) and FLOOR[room(other)] >= FLOOR[room(module)]
    }
    assert wrong == set()


def test_no_two_files_need_each_other() -> None:
    """Imports inside functions and for types alone count too."""
    left = {module: neighbours(module) for module in MODULES}
    while ends := {module for module, needs in left.items() if not needs & left.keys()}:
        left = {module: needs for module, needs in left.items() if module not in ends}
    assert left == {}


@each_module
def test_a_package_is_used_by_its_owners_alone(module: str) -> None:
    used = {room(name) for name in imported(tree(module))} - STANDARD - {"starcoder_cli"}
    mine = {name for name, owners in OWNERS.items() if places(module) & owners}
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
    outside = {
        room(name)
        for node in at_once
        if isinstance(node, ast.Import | ast.ImportFrom | ast.If | ast.Try)
        for name in imported(node)
    }
    allowed = set().union(*(AT_ONCE.get(place, set()) for place in places(module)))
    assert outside <= STANDARD | {"starcoder_cli"} | allowed


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


@each_module
def test_functions_have_few_parameters(module: str) -> None:
    many = []
    for function in functions(module):
        if is_command(function, module) or is_kernel(function):
            continue
        given = function.args
        names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        if len([name for name in names if name not in ("self", "cls")]) > MOST_PARAMETERS:
            many.append(function.name)
    assert many == []


@each_module
def test_a_module_opens_with_its_purpose(module: str) -> None:
    assert ast.get_docstring(tree(module))


def broad(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches whatever is raised, and does not raise it again."""
    caught = ast.walk(handler.type) if handler.type else [ast.Name("BaseException")]
    named = {node.id for node in caught if isinstance(node, ast.Name)}
    last = handler.body[-1]
    again = isinstance(last, ast.Raise) and last.exc is None
    return bool(named & {"Exception", "BaseException"}) and not again


@each_module
def test_whatever_is_raised_is_caught_in_few_places_each_with_its_reason(module: str) -> None:
    lines = MODULES[module].read_text(encoding="utf-8").splitlines()
    handlers = [
        node
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ExceptHandler) and broad(node)
    ]
    assert len(handlers) <= BROAD_HANDLERS.get(module, 0)
    assert all("  # " in lines[handler.lineno - 1] for handler in handlers)
