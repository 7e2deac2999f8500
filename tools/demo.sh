#!/bin/sh
# Shows the program at work on the files in examples/. Nothing in them is changed; the first command
# of all fetches the small model, and starts a server of the demo's own, which holds it for all.
set -eu

cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH

XDG_RUNTIME_DIR=$(mktemp -d) STARCODER_KEEP_ALIVE=5m STARCODER_MODEL=qwen2.5-coder-0.5b
export XDG_RUNTIME_DIR STARCODER_KEEP_ALIVE STARCODER_MODEL
trap 'starcoder stop >/dev/null 2>&1 || true; rm -rf "$XDG_RUNTIME_DIR"' EXIT
trap 'exit 130' INT TERM

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi

try() {
    printf '\n%s# %s%s\n%s$ %s%s\n' "$dim" "$1" "$plain" "$bold" "$2" "$plain"
    sh -c "$2" || {
        code=$?
        echo "error: that command exited with status $code" >&2
        exit "$code"
    }
    [ -t 1 ] || echo # in a pipe nothing is added to what the model wrote
}

try 'Python: write the body of a function' \
    'starcoder complete examples/averages.py:10 --max-tokens 64'
try 'JavaScript: replace a line' \
    'starcoder fill examples/groups.js:8 --max-tokens 64'
try 'Go: replace a part of a line' \
    'starcoder fill examples/unique.go:20:11-20:29'
try 'Rust: fill a marker in piped text' \
    "sed 's/todo!()/<FILL>/' examples/colour.rs | starcoder fill - --at '<FILL>' --lang rust"
try 'SQL: ask about a file' \
    "starcoder chat -f examples/orders.sql 'Which two tables does the query join?'"

printf '\n%sMore: starcoder --help%s\n' "$dim" "$plain"
