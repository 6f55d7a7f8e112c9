# Everything that is done with this repository. `make` alone says what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: --no-deps --require-hashes
INSTALL_SELF := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --editable .

# Tests run in two processes, each file in one of them: what a file starts for all of its tests is started once.
SPREAD := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast check check-js fmt docs bench soak simulate lock

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime  ## The environment in .venv, from the lock file

run: setup  ## Tappa with a sample shop, until Ctrl-C
	@exec $(BIN)/tappa up --demo

test: $(VENV)/.dev  ## All tests, those of other languages' clients included
	$(BIN)/python -m pytest $(SPREAD)

test-fast: $(VENV)/.dev  ## The tests in Python, without the long ones
	$(BIN)/python -m pytest -m "not slow" $(SPREAD)

check: $(VENV)/.dev  ## Style, types, import directions, generated pages, deploy/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.house.generated --check
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/kubernetes-validate --strict --quiet deploy/kubernetes/ingest.yaml deploy/kubernetes/settings.yaml deploy/kubernetes/worker.yaml
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/python -m tests.deploy.queries
	@if command -v promtool; then promtool check config deploy/prometheus/prometheus.yaml; else echo "no promtool here: the alert rules were read by promql-parser alone"; fi
	$(MAKE) --no-print-directory check-js

check-js: sdk/js/node_modules/.package-lock.json  ## The same of the JavaScript SDK: wants Node only
	cd sdk/js && npm run --silent check

sdk/js/node_modules/.package-lock.json: sdk/js/package-lock.json
	cd sdk/js && npm ci --silent --no-audit --no-fund
	@touch $@

fmt: $(VENV)/.dev  ## Format the code
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

docs: $(VENV)/.dev  ## Write the generated pages anew
	$(BIN)/python -m tests.house.generated
	$(BIN)/python -m store.document docs/tables.md
	$(BIN)/python -m tests.docs.regenerate

bench: $(VENV)/.dev  ## Measure, and compare with the last time
	$(BIN)/python -m benches.run

soak: $(VENV)/.dev  ## The long tests: kills of everything, changing models, Kafka, two hundred histories
	$(BIN)/python -m tests.e2e.soak

simulate: $(VENV)/.dev  ## Workers under the simulator: make simulate SEEDS=20000
	$(BIN)/python -m tests.simulator --seeds $(or $(SEEDS),2000) --first $(or $(FIRST),0)

lock:  ## Write the lock files anew from pyproject.toml (needs the network)
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check uv==$(UV)
	build/lock/bin/uv pip compile pyproject.toml --group build $(COMPILE) -o requirements.lock
	build/lock/bin/uv pip compile pyproject.toml --group build --group dev -c requirements.lock $(COMPILE) -o requirements-dev.lock
	build/lock/bin/uv pip compile $(SEGMENT)/requirements.in $(COMPILE) -o $(SEGMENT)/requirements.txt

UV := 0.13.9
SEGMENT := tests/clients/segment/python
COMPILE := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header

# The environment holds what the lock file says, with hashes, and nothing is built: only wheels are taken.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Tappa needs Python 3.11 or later, this is %d.%d. Name another one: make run PYTHON=python3.12" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing what requirements.lock names into $(VENV) (about half a minute)"
	@$(INSTALL) --no-compile -r requirements.lock
	@$(INSTALL_SELF)
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	@echo "installing what requirements-dev.lock names into $(VENV)"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@
