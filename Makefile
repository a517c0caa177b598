# Z-AI's commands. They need GNU make and Python 3.11 to 3.14 with venv, and keep everything else in .venv.

PYTHON ?=
ARGS ?=

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Wheels only: a source package would run its own build, with what no hash pins.
pip := .venv/bin/python -m pip --quiet --disable-pip-version-check --no-input install
locked := $(pip) --require-hashes --no-deps --only-binary :all:
lock := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet

# An environment is whole when an install into it ended well, it stands where it was made (its scripts hold
# their own path), its Python still runs with its packages, and it is of the Python that was asked for.
whole := $(shell [ "$$(cat .venv/.whole 2>/dev/null)" = "$$(pwd -P)" ] && .venv/bin/python -c 'import pip, sys; \
	sys.exit(len(sys.argv) > 1 and sys.argv[1] != "%d.%d" % sys.version_info[:2])' \
	$(if $(PYTHON),"$$('$(PYTHON)' -c 'import sys; print("%d.%d" % sys.version_info[:2])')") 2>/dev/null && echo yes)

.PHONY: help run test endurance torture test-postgresql bench bench-console bench-peers screenshots check install dev lock prices providers wheel clean
ifneq ($(whole),yes)
.PHONY: .venv/.run .venv/.dev
endif

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: install ## Start the gateway on http://127.0.0.1:8011 (more options: make run ARGS="--port 9000")
	@.venv/bin/zai serve $(ARGS)

test: dev ## Run every test, in parallel (some of them: make test ARGS=tests/spend)
	@.venv/bin/pytest -n auto --dist worksteal $(ARGS)

# Those of the store itself run on both in `make test`.
test-postgresql: dev ## Run the tests of whole gateways again, with the books in PostgreSQL
	@.venv/bin/pytest -n auto --dist worksteal --store postgresql $(or $(ARGS),tests/flow tests/e2e)

endurance: dev ## Run what takes minutes: a store that stops under load, revocations across servers
	@.venv/bin/pytest -s -o faulthandler_timeout=900 tests/endurance $(ARGS)

# `make test` runs a short form of the same. More at once than there are cores: most of the time they wait.
torture: dev ## Kill, stop and cheat gateways for a long time, and look whether their caps hold
	@.venv/bin/pytest -n 4 --dist worksteal --torture full -o faulthandler_timeout=1200 \
		$(or $(ARGS),tests/torture tests/spend/model)

# They need Linux, a C compiler, nginx and wrk, and bench-peers Node.js too: bench/README.md.
bench: install ## Measure against nginx as a plain proxy (some rows: make bench ARGS="--only stream")
	@PYTHONPATH=. .venv/bin/python -m bench $(ARGS)

bench-console: install ## Measure the console's pages on large books, and streams beside them (minutes to make the books)
	@PYTHONPATH=. .venv/bin/python -m bench.console $(ARGS)

bench-peers: install ## Measure LiteLLM and Portkey in the same way, which it installs
	@PYTHONPATH=. .venv/bin/python -m bench.peers $(ARGS)

screenshots: dev ## Take pictures of the console's screens (needs Chromium; elsewhere: make screenshots ARGS="--to DIR")
	@.venv/bin/python -m tests.e2e.console.screenshots $(ARGS)

check: dev ## Check format, lint, strict types, import rules and the rules of the house
	@.venv/bin/ruff format --check --quiet . || { echo "Not formatted: run .venv/bin/ruff format ."; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/basedpyright
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/pytest tests/house

install: .venv/.run ## Make .venv with the pinned dependencies and the zai command
	@:

dev: .venv/.dev

lock: ## Pin what pyproject.toml asks for (needs uv; newer versions too: make lock ARGS=--upgrade)
	@$(lock) $(ARGS) --group build --output-file requirements/run.txt
	@$(lock) $(ARGS) --group dev --constraint requirements/run.txt --output-file requirements/dev.txt

prices: dev ## Compile the price sources into the catalogue's data file
	@.venv/bin/python prices/compile.py

providers: dev ## Write docs/providers.md from the rows and what recorded traffic showed
	@PYTHONPATH=. .venv/bin/python -m vendors.page

wheel: install ## Build the wheel into dist
	@.venv/bin/python -m flit_core.wheel
	@ls dist/*.whl

clean: ## Remove .venv and everything else that was made here, but no data
	@rm -rf .venv dist build bench/.build bench/.peers .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.run: requirements/run.txt pyproject.toml
	$(if $(filter yes,$(whole)),,$(eval found := $(shell .ci/python '$(PYTHON)'))$(if $(filter /%,$(firstword $(found))),,$(error $(found))))
	@$(if $(filter yes,$(whole)),,echo "Making .venv with $(found) ..." && '$(found)' -m venv --clear .venv)
	@echo "Installing the pinned dependencies and zai ..."
	@rm -f .venv/.whole
	@$(locked) --requirement requirements/run.txt
	@$(pip) --no-deps --no-build-isolation --editable .
	@touch $@ && pwd -P > .venv/.whole

.venv/.dev: requirements/dev.txt .venv/.run
	@echo "Installing what tests and checks need ..."
	@rm -f .venv/.whole
	@$(locked) --requirement requirements/dev.txt
	@touch $@ && pwd -P > .venv/.whole
