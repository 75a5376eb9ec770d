# Everything happens in .venv, made on first use and remade when what it depends on changes.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: install demo test lint format lock clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
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

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Writes down the versions that are installed, to be committed once the tests pass with them.
lock: install
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf .venv .demo
