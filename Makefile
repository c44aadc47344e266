# Every target works from a clean clone, with nothing but Python 3.11 or newer.

VENV := .venv
BIN := $(VENV)/bin

# For every Python and platform that an image may be built for.
HASHES := build/hashes/bin/uv pip compile --quiet --generate-hashes --no-header --no-annotate \
	--universal --python-version 3.11 --constraint constraints.txt

.DELETE_ON_ERROR:
.PHONY: help demo run open test test-fast lint bench docs prove image screenshots constraints hashes clean

help: ## list the targets
	@awk -F ': .*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo run open: export PALEMAIL_DATA_DIR := $(CURDIR)/.data

demo: $(VENV)/.all ## try everything, with sample senders and a stand-in for Google
	@$(BIN)/pal-e-mail demo

run: $(VENV)/.all ## run the admin page, the callback and a worker; prints the link to the page
	@$(BIN)/pal-e-mail up

open: $(VENV)/.all ## while `make run` is running: print the link again, and open it
	@$(BIN)/pal-e-mail open

test: $(VENV)/.dev ## run all tests, in parallel; PYTEST_ADDOPTS adds options
	@$(BIN)/pytest -n auto --dist loadgroup

test-fast: $(VENV)/.dev ## run the tests that need no Postgres, browser or other process (a minute)
	@$(BIN)/pytest tests --fast

lint: $(VENV)/.dev ## check style, formatting, types and imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.bench ## compare sending with what people use today
	@$(BIN)/python benchmarks/run.py

image: ## build the container images, with docker, podman or buildah; OPTIONS adds options
	@sh deploy/image/build.sh $(OPTIONS)

docs: $(VENV)/.docs ## build the documentation as a site, in build/site; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

prove: $(VENV)/.dev ## try out what is promised, for a quarter of an hour; writes docs/reliability.md
	@$(BIN)/python -m proof.run

screenshots: $(VENV)/.dev ## retake the screenshots in docs/
	@$(BIN)/python docs/screenshots.py

constraints: $(BIN)/python ## update constraints.txt, and the images' hashes, to the newest versions
	@rm -rf build/constraints
	@$(BIN)/python -m venv build/constraints
	@build/constraints/bin/pip install --quiet --upgrade pip
	@build/constraints/bin/pip install --quiet -e '.[dev,bench,docs]'
	@{ sed '/^[^#]/,$$d' constraints.txt; \
	   build/constraints/bin/pip list --format=freeze \
	   | grep -Ev '^(pip|setuptools|pal-e-mail)==' | LC_ALL=C sort -f; } > build/constraints.txt
	@mv build/constraints.txt constraints.txt
	@$(MAKE) --no-print-directory hashes

hashes: $(BIN)/python ## write down the hashes of what the images install, as constraints.txt has it
	@rm -rf build/hashes
	@$(BIN)/python -m venv build/hashes
	@build/hashes/bin/pip install --quiet --disable-pip-version-check uv
	@$(HASHES) --extra callback --extra worker --extra smtp pyproject.toml -o deploy/image/worker.txt
	@$(HASHES) --extra admin --extra smtp pyproject.toml -o deploy/image/web.txt
	@echo hatchling | $(HASHES) - -o deploy/image/build.txt

clean: ## remove the environment and build files; keeps .data
	rm -rf $(VENV) build dist

# One stamp for each extra: .all to run, .dev to work on the code, .bench to measure.
$(VENV)/.%: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing pal-e-mail[$*]. This takes about a minute the first time.'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e '.[$*]'
	@touch $@

# Try each one: a command may exist and fail (pyenv's shims do). Debian's Python has no
# ensurepip unless python3-venv is installed.
$(BIN)/python:
	@for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
			2>/dev/null; \
		then \
			echo "Creating $(VENV) with $$($$python --version)."; \
			exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo 'pal-e-mail needs Python 3.11 or newer with its venv module' \
		'(Debian and Ubuntu: apt install python3-venv).' >&2; \
	echo 'If yours has another name, run: make PYTHON=/path/to/python …' >&2; \
	exit 1
