# `make train` and `make test` set themselves up on a fresh clone: the virtual environment is .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKDIR ?= runs/digits
PYTEST_WORKERS ?= 2

.PHONY: help train test test-slow mutants lint typecheck format docs clean

help:
	@echo "make train      train the main job (handwritten digits) and report on it"
	@echo "make test       linter, type checker, doctests and tests"
	@echo "make test-slow  the tests that take long, or add little to their fellows"
	@echo "make mutants    change the code in 200 places, and see that tests fail"
	@echo "make docs       build the documentation, warnings being errors"

$(VENV)/.train: setup.cfg
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: setup.cfg
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@ $(VENV)/.train

$(VENV)/.docs: setup.cfg
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

train: $(VENV)/.train
	$(BIN)/jaxgan train --config configs/digits.py --workdir $(WORKDIR)
	$(BIN)/python experiments/digits_report.py --workdir $(WORKDIR)

test: lint typecheck
	$(BIN)/python -m pytest --numprocesses $(PYTEST_WORKERS) --dist worksteal -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses $(PYTEST_WORKERS) --dist worksteal -m slow

mutants: $(VENV)/.dev
	$(BIN)/python -m tests.mutants

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(VENV)/.dev
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache docs/_build
