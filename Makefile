# Graph Distillery. A fresh machine needs Python >= 3.11, make and git; every target sets up the rest.
#   make demo                  the suite at work on an embedded dataset
#   make test ARGS="-k glnn"   the tests, in three processes, which wait for a part of their time; ARGS goes to pytest
#   make test PROCESSES=0      in this one, for a debugger or for timing campaigns
#   make setup PYTHON=python3.12

PYTHON ?= python3
ARGS ?=
PROCESSES ?= 3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format readme picture wheel clean

help:
	@echo "make setup | demo | test | lint | format | readme | picture | wheel | clean   (PYTHON=$(PYTHON))"

setup: $(STAMP)

# A stamp, so that an install happens only when what it depends on has changed.
$(STAMP): pyproject.toml requirements.lock
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "make: $(PYTHON) is missing or older than 3.11; name another: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c requirements.lock -e '.[test,dev]'
	@touch $@

# One thread per process: trials run side by side, and results do not depend on the number of cores.
demo test: export OMP_NUM_THREADS = 1
demo test: export MKL_NUM_THREADS = 1
demo test: export OPENBLAS_NUM_THREADS = 1
demo test: export NUMEXPR_NUM_THREADS = 1

# The tests start many interpreters, which need not compile the package each.
test: export PYTHONDONTWRITEBYTECODE =

demo: setup
	$(BIN)/distillery demo $(ARGS)

test: setup
	$(BIN)/python -m pytest -n $(PROCESSES) $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

readme: setup
	$(BIN)/python -m graph_distillery.bench.documents.tables

picture: setup
	$(BIN)/python -m graph_distillery.bench.documents.picture

wheel: setup
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
