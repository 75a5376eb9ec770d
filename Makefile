# Everything happens in .venv, made on first use and remade when what it depends on changes. The frameworks that the
# adapters are for have an environment of their own, .venv-integrations.
PYTHON ?= python3.11
BIN := .venv/bin
FRAMEWORKS := .venv-integrations/bin

.PHONY: install demo test test-integrations lint format lock lock-integrations clean

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
	$(FRAMEWORKS)/python -m pytest -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function integrations tests/integrations

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Writes down the versions that are installed, to be committed once the tests pass with them.
lock: install
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

lock-integrations: .venv-integrations/.installed
	$(FRAMEWORKS)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints-integrations.txt

clean:
	rm -rf .venv .venv-integrations .demo
