# Every target sets itself up from a clean clone and a bare Python 3.11 or newer.

VENV := .venv
BIN := $(VENV)/bin

.DELETE_ON_ERROR:
.PHONY: help demo run open test test-fast lint bench screenshots constraints clean

help: ## list the targets
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo run open: export PALEMAIL_DATA_DIR := $(CURDIR)/.data

demo: $(VENV)/.all ## try everything against a stand-in for Google, with sample senders
	@$(BIN)/pal-e-mail demo

run: $(VENV)/.all ## the admin page and the callback; prints the link to it
	@$(BIN)/pal-e-mail up

open: $(VENV)/.all ## print the link again while `make run` is running, and open it
	@$(BIN)/pal-e-mail open

test: $(VENV)/.dev ## the whole suite, in parallel; PYTEST_ADDOPTS adds options
	@$(BIN)/pytest -n auto --dist loadgroup

test-fast: $(VENV)/.dev ## what needs no Postgres, browser or other process, in a minute
	@$(BIN)/pytest tests --fast

lint: $(VENV)/.dev ## style, formatting, types, and who may import what
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.bench ## measure sending against what people use today
	@$(BIN)/python benchmarks/run.py

screenshots: $(VENV)/.dev ## renew the pictures in docs/
	@$(BIN)/python docs/screenshots.py

constraints: $(BIN)/python ## renew constraints.txt with the newest versions
	@rm -rf build/constraints
	@$(BIN)/python -m venv build/constraints
	@build/constraints/bin/pip install --quiet --upgrade pip
	@build/constraints/bin/pip install --quiet -e '.[dev,bench]'
	@{ sed '/^[^#]/,$$d' constraints.txt; \
	   build/constraints/bin/pip list --format=freeze \
	   | grep -Ev '^(pip|setuptools|pal-e-mail)==' | LC_ALL=C sort -f; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt

clean: ## remove the environment and what was built; .data stays
	rm -rf $(VENV) build dist

# One stamp for each extra: .all to run, .dev to work on the code, .bench to measure.
$(VENV)/.%: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing pal-e-mail[$*]: about a minute the first time.'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[$*]'
	@touch $@

# Trying each one, as a name may be there without the version behind it; ensurepip is
# what Debian leaves out of a Python without its venv package.
$(BIN)/python:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
			2>/dev/null; \
		then \
			echo "Making $(VENV) with $$($$python --version)."; \
			exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo 'pal-e-mail needs Python 3.11 or newer with its venv module' \
		'(Debian and Ubuntu: apt install python3-venv).' >&2; \
	echo 'If it has another name: make PYTHON=/path/to/python …' >&2; \
	exit 1
