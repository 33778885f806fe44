SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
CLIENTS := tests/interop/node_modules/.installed
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q

.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench soak

help: ## Show these lines
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/.runtime ## Seed a demo and start it, with a small vendor site beside it
	@$(BIN)/inseam demo

test: check $(CLIENTS) ## Run every check and test; builds what is missing
	@$(PYTEST)

check: $(VENV)/.test ## Lint, formatting and types, without changing anything
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

fix: $(VENV)/.test ## Put right what the linter and the formatter can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.test ## Measure this machine, beside a bare endpoint in the same run
	@$(BIN)/python -m bench

soak: check $(CLIENTS) ## Run what repeats (kills, races, steps of models) in all its rounds
	@INSEAM_TEST_ROUNDS=full $(PYTEST)

# The environment is brought up to date when its lock changes. `uv` makes it faster, and is not
# needed. The project itself is installed with what the lock brought, so it asks no registry.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@./tests/support/environment.sh $(VENV) requirements.lock
	@touch $@

$(VENV)/.test: tests/requirements.lock pyproject.toml
	@./tests/support/environment.sh $(VENV) tests/requirements.lock
	@touch $@ $(VENV)/.runtime

# OAuth clients for Node, which tests only need. Without npm their tests say what is missing.
$(CLIENTS): tests/interop/package-lock.json
	@if command -v npm >/dev/null; then (cd $(<D) && npm ci --silent) && touch $@; fi
