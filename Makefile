# `make demo` and `make test` do everything, the environment included.
PYTHON ?= python3
MINUTES ?= 3
BIN := .venv/bin

.PHONY: demo test slow clean

demo: .venv/ready
	$(BIN)/ganzfeld train --minutes $(MINUTES) --out runs/demo

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

slow: .venv/ready  ## kill loops and other long suites
	$(BIN)/pytest -m slow -s

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv runs
