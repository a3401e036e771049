# Everything a person does with a checkout. `make help` lists it; `.ci/run` calls `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c "" 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
WORKERS ?= auto

.PHONY: help install run up test check bench lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

install: .venv/.installed ## make .venv and install the pinned dependencies

# Without this, a shell that forbids it makes every start compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.venv/.installed: requirements.lock pyproject.toml deploy/install.sh
	@PYTHON="$(PYTHON)" bash deploy/install.sh
	@touch $@

run: install ## two years of the sample market through Dagster, then a table
	@$(BIN)/alluse run

up: install ## the Dagster UI and the app, on loopback, until Ctrl-C
	@$(BIN)/alluse up

test: check ## everything that must pass
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

check: install ## style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: install .venv/.bench ## measure; ratios side by side, beside the public packages
	@$(BIN)/python -m tests.bench

.venv/.bench: requirements-bench.lock .venv/.installed
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes -r requirements-bench.lock
	@touch $@

COMPILE := uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-strip-extras \
  --python-version 3.11 --upgrade pyproject.toml
EXTRAS := --extra alpaca --extra ibkr --extra s3 --extra dev

lock: install ## resolve the dependencies anew into requirements.lock
	@$(BIN)/$(COMPILE) $(EXTRAS) -o requirements.lock
	@$(BIN)/$(COMPILE) $(EXTRAS) --extra bench -c requirements.lock -o requirements-bench.lock

clean: ## remove this installation's state: database, lake, reports
	@$(BIN)/alluse destroy
