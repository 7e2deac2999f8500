"""Example command lines for each command, and its most important options.

`-h` shows both; the examples are in the full help too.
"""

from collections.abc import Mapping, Sequence

EXAMPLES: Mapping[str, Sequence[tuple[str, str]]] = {
    "complete": (
        ("starcoder complete app.py:10", "continue a file after line 10"),
        ("starcoder complete --lang python < part.py", "continue standard input"),
        ("starcoder complete -n 5 --pick app.py:10", "choose among five answers"),
    ),
    "fill": (
        ("starcoder fill app.py:12-15", "show what would replace lines 12 to 15"),
        ("starcoder fill -i app.py:12-15", "replace them in the file"),
        ("starcoder fill --check app.py:12-15", "prefer an answer that passes the tests"),
        ("starcoder fill - --at '<FILL>' --lang sql < a.sql", "fill at a marker in standard input"),
    ),
    "edit": (
        ("starcoder edit app.py:4-9 'Handle an empty list.'", "show lines 4 to 9, rewritten"),
        ("starcoder edit -i app.py 'Add type hints.'", "rewrite the whole file in place"),
        ("starcoder edit --diff app.py 'Use pathlib.' > a.patch", "write a patch"),
    ),
    "chat": (
        ("starcoder chat", "open a session"),
        ("starcoder chat -f app.py 'What does main do?'", "ask about a file"),
        ("git diff | starcoder chat 'Write a commit message.'", "ask about piped text"),
    ),
    "eval": (
        ("starcoder eval humaneval --run-code --limit 20", "run 20 problems and their tests"),
        ("starcoder eval repo --data .", "measure on your own repository"),
    ),
    "trace": (
        ("starcoder trace app.py", "list the origins of a file"),
        ("starcoder trace --fail-on copyleft app.py", "exit with 1 if a licence is unwanted"),
    ),
    "tune": (
        ("starcoder tune --dry-run .", "show what would be learnt"),
        ("starcoder tune . --name my-project", "train, and register the result"),
    ),
    "serve": (
        ("starcoder serve", "keep models loaded for other commands"),
        ("starcoder serve --http --model qwen2.5-coder-1.5b", "serve the HTTP API"),
    ),
    "lsp": (("starcoder lsp", "what an editor runs"),),
    "bench": (("starcoder bench qwen2.5-coder-0.5b --runs 3", "measure one model"),),
    "ps": (("starcoder ps", "list the loaded models"),),
    "stop": (("starcoder stop", "stop the server"),),
    "completion": (
        ("starcoder completion zsh --install", "complete commands and options with Tab in zsh"),
    ),
    "config set": (
        ("starcoder config set fill.max_tokens 128", "limit the answers of fill to 128 tokens"),
    ),
    "bundle": (
        ("starcoder bundle starcoder-offline", "make it, with the default model"),
        ("starcoder bundle -m qwen2.5-coder-0.5b small-offline", "make a smaller one"),
    ),
    "doctor": (("starcoder doctor", "check the installation"),),
    "models list": (("starcoder models list", "list what is installed and what could be"),),
    "models search": (("starcoder models search starcoder", "search the catalog and the hub"),),
    "models pull": (("starcoder models pull starcoder2-3b", "download a model"),),
    "models show": (("starcoder models show qwen2.5-coder-1.5b", "show what is known of it"),),
    "models path": (("starcoder models path qwen2.5-coder-1.5b", "print where its file is"),),
    "models rm": (("starcoder models rm qwen2.5-coder-1.5b", "delete its files"),),
    "models recommend": (("starcoder models recommend", "list what this machine can run"),),
    "models use": (("starcoder models use qwen2.5-coder-0.5b", "make it the default"),),
    "index add": (("starcoder index add ~/src/project", "add a repository"),),
    "index list": (("starcoder index list", "list the projects"),),
    "index update": (("starcoder index update", "read what has changed"),),
    "index rm": (("starcoder index rm project", "remove a project"),),
}

HOLE_OPTIONS = ("in_place", "diff", "output", "model", "max_tokens", "include", "json")
MAIN_OPTIONS: Mapping[str, Sequence[str]] = {
    "complete": ("candidates", "pick", "check", *HOLE_OPTIONS),
    "fill": ("at", "candidates", "check", *HOLE_OPTIONS),
    "edit": ("in_place", "diff", "output", "candidates", "verify", "model", "max_tokens", "json"),
    "chat": ("file", "extract", "system", "model", "max_tokens", "temperature", "json"),
    "eval": ("limit", "run_code", "samples", "temperature", "model", "parallel", "json"),
    "lsp": ("model", "endpoint", "context", "candidates", "max_tokens", "debounce", "keep_alive"),
    "tune": (
        "dry_run",
        "name",
        "model",
        "allow",
        "data_card",
        "max_steps",
        "rank",
        "learning_rate",
    ),
    "trace": ("fail_on", "report", "index", "lang", "json"),
}
"""Parameter names; a command not listed has few options, and `-h` shows them all."""
