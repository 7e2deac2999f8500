# `make demo` shows the program at work, `make test` runs every check; both set up .venv first.
# `UV_TORCH_BACKEND=cpu make demo` installs torch without CUDA (the default looks for a GPU).

PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal
READY := .venv/.installed
OLD := Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3

.PHONY: demo test test-quick test-vllm test-clients check fix goldens release clean

demo: $(READY)
	@sh tools/demo.sh

test: check
	$(BIN)/starcoder models pull --engine llamacpp qwen2.5-coder-0.5b
	$(PYTEST)

test-quick: check
	$(PYTEST) -m "not model"

# An environment of its own (3.5 GB) with a real vLLM; not a part of `make test`.
test-vllm: $(READY)
	$(BIN)/starcoder models pull --engine llamacpp qwen2.5-coder-0.5b
	$(BIN)/python tools/vllm.py

# An environment of its own (1 GB) with the real clients of the HTTP API; `CLIENTS=aider` for one.
test-clients: $(READY)
	$(BIN)/starcoder models pull --engine llamacpp qwen2.5-coder-0.5b
	$(BIN)/python tools/clients.py $(CLIENTS)

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict

fix: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

goldens: $(READY)
	$(BIN)/python tools/completions.py
	$(BIN)/python tools/reference.py
	$(BIN)/python tools/schemas.py
	$(BIN)/python tools/manpages.py
	$(BIN)/python -m pytest -q --goldens tests/test_help.py tests/commands/test_config.py

release: $(READY)
	$(BIN)/python tools/release.py

clean:
	rm -rf .venv .venv-clients .venv-vllm dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(OLD)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python tools/install.py
	@touch $@
