# Everything happens in .venv, made on first use and remade when what it depends on changes. The frameworks that the
# adapters are for have an environment of their own, .venv-integrations, and so have the programs that the memory is
# measured beside, .venv-peers.
PYTHON ?= python3.11
BIN := .venv/bin
FRAMEWORKS := .venv-integrations/bin
PEERS := .venv-peers/bin
ASYNC := -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function

.PHONY: install demo test test-integrations bench-peers lint format lock lock-integrations lock-peers clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

.venv-integrations/.installed: pyproject.toml constraints-integrations.txt
	test -x $(FRAMEWORKS)/python || $(PYTHON) -m venv .venv-integrations
	$(FRAMEWORKS)/python -m pip install --quiet --constraint constraints-integrations.txt --editable ".[integrations]"
# The MCP server must work with the SDK before 2, too; its tests put this folder first on the path.
	$(FRAMEWORKS)/python -m pip install --quiet --upgrade --target .venv-integrations/mcp1 "mcp<2"
	touch $@

.venv-peers/.installed: pyproject.toml constraints-peers.txt
	test -x $(PEERS)/python || $(PYTHON) -m venv .venv-peers
	$(PEERS)/python -m pip install --quiet --constraint constraints-peers.txt --editable ".[peers]"
	touch $@

demo: install
	$(BIN)/python examples/demo.py

lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest

test-integrations: .venv-integrations/.installed
	$(FRAMEWORKS)/mypy integrations am_agent/testing
# LangChain's suites are coroutines without a marker.
	AM_MCP1=$(CURDIR)/.venv-integrations/mcp1 $(FRAMEWORKS)/python -m pytest $(ASYNC) integrations tests/integrations

# After it: .venv-peers/bin/python -m benchmarks.speed
bench-peers: .venv-peers/.installed

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Writes down the versions that are installed, to be committed once the tests pass with them.
lock: install
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

lock-integrations: .venv-integrations/.installed
	$(FRAMEWORKS)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints-integrations.txt

lock-peers: .venv-peers/.installed
	$(PEERS)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints-peers.txt

clean:
	rm -rf .venv .venv-integrations .venv-peers .demo
