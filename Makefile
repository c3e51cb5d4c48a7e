# Each target sets up what it needs in a virtual environment: .venv, or another one with VENV=path.

VENV ?= .venv
BIN := $(VENV)/bin
PLUGINS := $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
# Truth, real data, and the examples of the documentation that take long.
SCIENCE := tests/science tests/acceptance tests/integration/runner/test_shell_examples.py $(PLUGINS)
PACKAGES := pyproject.toml constraints.txt $(PLUGINS:%=%/pyproject.toml)
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint docs science clean

help:
	@echo "make demo       simulate a small survey, run it through the chain, write pictures to demo-out"
	@echo "make test       all tests"
	@echo "make test-fast  the tests that take less than about five seconds each"
	@echo "make lint       ruff, mypy and import-linter"
	@echo "make docs       the documentation, to docs/_build/html"
	@echo "make science    the tests against truth, over all seeds, and on real data; figures to docs/quality.json"
	@echo "make clean      remove what these wrote, except the environment"

# Python, if PYTHON names none, is the first of these that is new enough and can make environments.
$(BIN)/python:
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	    if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "making $(VENV) with $$python"; \
	        exec "$$python" -m venv $(VENV); \
	    fi; \
	done; \
	echo "SeeChange needs Python 3.11 or newer with its venv module, and found none." >&2; \
	echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Elsewhere: make PYTHON=/path/to/python3" >&2; \
	exit 1

# Build isolation would fetch the build system anew for each package, in versions that nothing pins.
$(VENV)/.installed: $(PACKAGES) | $(BIN)/python
	@echo "installing SeeChange and its plugins into $(VENV)"
	@$(INSTALL) editables hatchling
	@$(INSTALL) --no-build-isolation --editable . $(PLUGINS:%=--editable ./%)
	@touch $@

$(VENV)/.installed-dev: $(PACKAGES) | $(BIN)/python
	@echo "installing SeeChange, its plugins and the tools to develop it into $(VENV)"
	@$(INSTALL) editables hatchling
	@$(INSTALL) --no-build-isolation --editable '.[dev]' $(PLUGINS:%=--editable ./%)
	@touch $(VENV)/.installed $@

demo: $(VENV)/.installed
	$(BIN)/seechange demo --out demo-out

# The tests on PostgreSQL start a server of their own; without its programs they are skipped, saying so.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

docs: $(VENV)/.installed-dev
	$(BIN)/python -m sphinx --jobs auto --builder html --fail-on-warning --keep-going docs docs/_build/html

science: $(VENV)/.installed-dev
	SEECHANGE_QUALITY_FILE=docs/quality.json $(BIN)/python -m pytest -n auto --dist worksteal $(SCIENCE)

clean:
	rm -rf build dist demo-out docs/_build docs/api .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find seechange_core plugins migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +
